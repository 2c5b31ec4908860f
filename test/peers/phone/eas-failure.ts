// A command was answered with a status other than success (MS-ASCMD 2.2.2).

export class EasFailure extends Error {
  override readonly name = 'EasFailure';
  readonly command: string;
  readonly status: number;
  /** The heartbeat in seconds that the server would take instead (Ping status 5). */
  readonly heartbeatSeconds: number | undefined;

  constructor(command: string, status: number, heartbeatSeconds?: number) {
    super(`${command}: status ${status}`);
    this.command = command;
    this.status = status;
    this.heartbeatSeconds = heartbeatSeconds;
  }
}
