// Whether Exchange has accepted a sender's credential: what it may not have before, and what is known of it from then on.
import type { HeaderList } from '../http/headers.ts';
import type { ServerConnectionInfo } from '../http/exchange.ts';
import type { PipelineContext } from './context.ts';
import type { Admission, PhoneConnection } from './phone-connection.ts';

/** Of one request. */
export class Acceptance {
  private readonly context: PipelineContext;
  private readonly connection: ServerConnectionInfo<PhoneConnection>;
  private counted = false;

  constructor(context: PipelineContext, connection: ServerConnectionInfo<PhoneConnection>) {
    this.context = context;
    this.connection = connection;
  }

  /** False where its address has as many requests as it may have without an accepted credential. */
  begin(): boolean {
    const { context, remoteAddress } = this.connection;
    if (context.accepted) return true;
    this.counted = this.context.unaccepted.enter(remoteAddress);
    return this.counted;
  }

  /** Exchange has answered with something else than 401: only that makes anything known of a user or a device. */
  accept({ asked, identity }: Admission, headers: HeaderList): void {
    const { context: phone } = this.connection;
    phone.accepted = true;
    this.end();
    if (asked === undefined || asked.deviceId === '') return;
    const { command, deviceId } = asked;
    const { census, versions } = this.context;
    const user = identity.user?.canonical ?? '';
    const version = asked.version || (headers.get('ms-asprotocolversion') ?? '');
    if (!phone.isNewDevice(user, deviceId, version)) return;
    census.add(user, deviceId);
    if (command !== '') versions.add(version, user, deviceId);
  }

  /** The request is over, whatever became of it. */
  end(): void {
    if (this.counted) this.context.unaccepted.leave(this.connection.remoteAddress);
    this.counted = false;
  }
}
