// How many devices speak which version of the protocol, in bounded memory.
import { versionLabel } from '../telemetry/labels.ts';
import { DeviceCensus } from './device-census.ts';

/** Counts a device once for each version that it spoke; versions that nobody knows are counted together. */
export class VersionCensus {
  private readonly byVersion = new Map<string, DeviceCensus>();

  /** @param version as the phone says it, or empty */
  add(version: string, user: string, deviceId: string): void {
    const label = versionLabel(version);
    let census = this.byVersion.get(label);
    if (census === undefined) {
      census = new DeviceCensus();
      this.byVersion.set(label, census);
    }
    census.add(user, deviceId);
  }

  /** Devices by version, within 1 %; without versions that nobody spoke. */
  counts(): Record<string, number> {
    return Object.fromEntries([...this.byVersion].map(([version, census]) => [version, census.count()]));
  }
}
