// Platforms of images: as images name them, and as Linux does (OCI image specification, "Platform variants").
import { parseChoice } from './options.ts';

const PLATFORMS = { 'linux/amd64': 'amd64', 'linux/386': '386', amd64: 'amd64', '386': '386' } as const;

/** The architecture that a platform has. @throws InvalidArgumentError */
export const parsePlatform = (value: string) =>
  PLATFORMS[parseChoice('--platform', Object.keys(PLATFORMS))(value) as keyof typeof PLATFORMS];
