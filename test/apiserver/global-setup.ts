// One control plane, with the controller manager, for all files of the vitest project `apiserver`; each keeps to its own namespaces.
import { inject } from 'vitest';
import type { TestProject } from 'vitest/node';
import { attachControlPlane, startControlPlane } from './control-plane.ts';
import type { AttachedControlPlane, ControlPlaneHandle } from './control-plane.ts';

declare module 'vitest' {
  interface ProvidedContext {
    readonly controlPlane: ControlPlaneHandle;
  }
}

/** Vitest's global setup: starts it, and stops it after the last file. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const controlPlane = await startControlPlane({ controllerManager: true });
  project.provide('controlPlane', controlPlane.handle);
  return () => controlPlane.stop();
}

/** For a test: the project's control plane. */
export function sharedControlPlane(): Promise<AttachedControlPlane> {
  return attachControlPlane(inject('controlPlane'));
}
