// Recordings of containers: from their start, or from a checkpoint, to their end. A recording begins with the saved state of the
// container, so that it can be run again where the container is not; of the image it holds the digests of the layers only.
import type { HostDirectory } from '../../kernel/fs/host/host-directory.ts';
import type { LoadedCheckpoint } from '../../oci/checkpoints.ts';
import { isDigest } from '../../oci/digest.ts';
import type { StoredContainer } from '../../oci/container-store.ts';
import { readUserFile, writeUserFile } from '../assets.ts';
import { EXIT } from '../errors.ts';
import { Places } from '../places.ts';
import { type Answer, ObservedDirectory } from '../recording/observed-directory.ts';
import { Recorder } from '../recording/recorder.ts';
import { damagedRecording, readRecording } from '../recording/recording.ts';
import { Replay } from '../recording/replay.ts';
import { type ContainerEvent, ContainerRun } from './container-run.ts';
import { HostShare } from './host-share.ts';
import type { ProcessStreams } from './process-streams.ts';
import { describe, loadContainer, saveContainer } from './saved-container.ts';
import { exitCodeOf } from './runner.ts';

const channelOf = (process: number, stream: 1 | 2) => `${process}.${stream}`;

/** Records one container into a file. */
export class ContainerTape {
  readonly #path: string;
  #recorder: Recorder<LoadedCheckpoint, ContainerEvent> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** A directory whose answers are kept. */
  readonly observe = (directory: HostDirectory): HostDirectory => {
    // what is asked before the recording begins is part of what it begins with
    const answer: Answer = (call, make) => (this.#recorder ? this.#recorder.answer(call, make) : make());
    return new ObservedDirectory(answer, directory);
  };

  /** From now on everything is kept. */
  begin(record: StoredContainer, run: ContainerRun): void {
    const recorder = new Recorder<LoadedCheckpoint, ContainerEvent>('container', {
      ...describe(record, run.live),
      state: saveContainer(run.live),
    });
    this.#recorder = recorder;
    recorder.attach(run);
    run.notice = (event) => recorder.input(event);
    listenTo(run, (bytes, channel) => recorder.said(bytes, channel));
  }

  /** The container has ended. @throws CliError when the file cannot be written */
  finish(): void {
    if (this.#recorder) writeUserFile(this.#path, 'recording', this.#recorder.finish('ended'));
  }
}

/** Hears what all processes say. */
function listenTo(run: ContainerRun, said: (bytes: Uint8Array, channel: string) => void): void {
  const listen = (streams: ProcessStreams, process: number) =>
    streams.listeners.add((bytes, stream) => said(bytes, channelOf(process, stream)));
  run.streams.forEach(listen);
  run.opened = listen;
}

/** Runs a recording again; the exit status becomes the program's. @throws CliError at the first difference */
export async function replayContainer(path: string): Promise<void> {
  const recording = readRecording<ContainerEvent>('container', readUserFile(path, 'recording'));
  const start = checkedStart(recording.start);
  const { images } = new Places();
  const replay = new Replay(recording, ({ answer, said }) => {
    const share = new HostShare();
    for (const layer of start.layers) share.layer(layer, images.layers.content(layer));
    for (const place of start.shared) share.put(place, new ObservedDirectory(answer, undefined));
    const run = new ContainerRun(loadContainer(start, share));
    listenTo(run, said);
    run.live.streams.listeners.add((bytes, stream) => {
      (stream === 1 ? process.stdout : process.stderr).write(bytes);
    });
    return run;
  });
  while (!replay.step()) await new Promise((resolve) => setImmediate(resolve));
  replay.finish();
  const { instructions } = recording.end;
  process.stderr.write(`anillo: the replay is the recorded run to the bit, over ${instructions} instructions.\n`);
  const { end } = replay.run.live.container;
  process.exitCode = end === undefined ? EXIT.ok : exitCodeOf(end);
}

/** The start of a recording that may be anybody's. @throws SnapshotError */
function checkedStart(start: unknown): LoadedCheckpoint {
  const { layers, shared, processes, state } = start as Partial<LoadedCheckpoint>;
  const isWhole =
    Array.isArray(layers) &&
    layers.every((layer) => isDigest(layer)) &&
    Array.isArray(shared) &&
    shared.every((place) => typeof place?.source === 'string' && typeof place.writable === 'boolean') &&
    Number.isInteger(processes) &&
    state instanceof Uint8Array;
  if (!isWhole) throw damagedRecording();
  return start as LoadedCheckpoint;
}
