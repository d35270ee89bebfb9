// The grammar of `anillo image`; what the commands do is in image.ts, loaded when one of them is asked for.
import { type Command, Option } from 'commander';
import { withAccepted } from './container/refused.ts';
import { CliError } from './errors.ts';
import { collect, formatOption, inspectFormatOption } from './options.ts';
import { parsePlatform } from './platforms.ts';

const platformOption = () => new Option('--platform <name>', 'linux/amd64 or linux/386').argParser(parsePlatform);

/** Adds `anillo image` and its commands. */
export function addImage(anillo: Command): void {
  const image = anillo
    .command('image')
    .description('images of containers: list, load, save, import, remove')
    .addHelpText(
      'after',
      `
Images are kept in an OCI image layout under $ANILLO_DATA (by default \`anillo\` in the user's data home).

Examples:
  anillo image load busybox.tar          what docker save wrote, or an OCI image layout as a tar file
  anillo image import rootfs.tar.gz mine:1
  anillo image ls
  anillo image save --output mine.tar mine:1`,
    );
  addReading(image);
  addWriting(image);
  for (const name of ['pull', 'push', 'build'])
    image
      .command(name, { hidden: true })
      .argument('[arguments...]')
      .allowUnknownOption()
      .action(() => {
        throw new CliError(`image ${name} is not supported: ${WITHOUT[name as keyof typeof WITHOUT]}.`);
      });
}

const WITHOUT = {
  pull: 'images come from archives, which other tools fetch (anillo image load)',
  push: 'images go into archives, which other tools send (anillo image save)',
  build: 'an image is made of a root file system (anillo image import), or of a container (anillo container commit)',
} as const;

function addReading(image: Command): void {
  withAccepted(image.command('ls'), ['-a, --all'])
    .alias('list')
    .description('list images')
    .option('-q, --quiet', 'IDs only')
    .option('--no-trunc', 'whole IDs')
    .option('--digests', 'show the digests of manifests')
    .option('-f, --filter <name=value>', 'dangling, reference or label', collect, [])
    .addOption(formatOption())
    .option('--json', 'print JSON')
    .action(async (options) => (await import('./image.ts')).listImages(options));
  image
    .command('inspect')
    .description('print images as JSON')
    .argument('<image...>', 'names or IDs')
    .addOption(inspectFormatOption())
    .addOption(platformOption())
    .action(async (names, options) => (await import('./image.ts')).inspectImages(names, options));
  image
    .command('history')
    .description('show how an image was made')
    .argument('<image>', 'name or ID')
    .option('--no-trunc', 'whole commands and IDs')
    .option('-q, --quiet', 'IDs only')
    .option('-H, --human', 'times and sizes for people', true)
    .option('--no-human', 'times and sizes in full')
    .addOption(platformOption())
    .addOption(formatOption())
    .option('--json', 'print JSON')
    .action(async (name, options) => (await import('./image.ts')).showHistory(name, options));
  image
    .command('save')
    .description('write images into an archive that docker load and OCI tools read')
    .argument('<image...>', 'names or IDs')
    .option('-o, --output <file>', 'the archive; standard output if not given')
    .addOption(platformOption())
    .action(async (names, options) => (await import('./image.ts')).saveImages(names, options));
  image
    .command('verify')
    .description('compare everything that is stored with its digest')
    .action(async () => (await import('./image.ts')).verifyStore());
}

function addWriting(image: Command): void {
  const load = (name: string, description: string) =>
    image
      .command(name)
      .description(description)
      .argument('[archive]', 'a tar file, also with gzip or zstd; - or nothing for standard input', '-')
      .addOption(platformOption())
      .option('-q, --quiet', 'print nothing');
  load('load', 'load images from an archive: docker save, or an OCI image layout')
    .option('-i, --input <file>', 'the archive')
    .action(async (path, { input, ...options }) => (await import('./image.ts')).loadImages(input ?? path, options));
  load('pull-from-archive', 'the same as load').action(async (path, options) =>
    (await import('./image.ts')).loadImages(path, options),
  );
  image
    .command('import')
    .description('make an image of a root file system')
    .argument('<root>', 'a tar file, also with gzip or zstd; a directory; or - for standard input')
    .argument('<name>', 'name of the image, such as debian:bookworm')
    .addOption(platformOption())
    .option('-m, --message <text>', 'comment in its history')
    .option('--cmd <command>', 'what containers of it run, such as /bin/bash')
    .option('-c, --change <instruction>', 'an instruction of a Dockerfile, such as ENV A=1', collect, [])
    .action(async (path, name, options) => (await import('./image.ts')).importImage(path, name, options));
  image
    .command('tag')
    .description('give an image one more name')
    .argument('<image>', 'name or ID')
    .argument('<name>', 'the new name')
    .action(async (text, name) => (await import('./image.ts')).tagImage(text, name));
  withAccepted(image.command('rm'), ['--no-prune'])
    .alias('remove')
    .description('remove names of images, and images with their last name')
    .argument('<image...>', 'names or IDs')
    .option('-f, --force', 'also images with several names or used by containers; no error when there is none')
    .action(async (names, options) => (await import('./image.ts')).removeImages(names, options));
  image
    .command('prune')
    .description('remove images that have no name')
    .option('-a, --all', 'also all that no container needs')
    .option('-f, --force', 'do not ask')
    .action(async (options) => (await import('./prune.ts')).pruneImages(options));
}
