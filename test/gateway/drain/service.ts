// A Service in front of gateways: new connections go to the one that is chosen, those that are open stay where they are.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class Service implements Disposable {
  /** When phones connected, in ms of `performance.now()`. */
  readonly arrivals: number[] = [];
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private target: number;

  private constructor(target: number) {
    this.target = target;
    this.server = createServer({ noDelay: true }, (phone) => this.forward(phone));
  }

  /** @param target port on 127.0.0.1 */
  static async start(target: number): Promise<Service> {
    const service = new Service(target);
    service.server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
    await once(service.server, 'listening');
    return service;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Sends new connections there from now on. */
  choose(target: number): void {
    this.target = target;
  }

  [Symbol.dispose](): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private forward(phone: Socket): void {
    this.arrivals.push(performance.now());
    const gateway = connect({ port: this.target, host: '127.0.0.1', noDelay: true });
    this.join(phone, gateway);
    this.join(gateway, phone);
  }

  /** A reset goes on as a reset, an end as an end. */
  private join(from: Socket, to: Socket): void {
    this.sockets.add(from);
    from.pipe(to);
    from.on('error', () => to.resetAndDestroy());
    from.on('close', () => {
      this.sockets.delete(from);
      to.destroySoon();
    });
  }
}
