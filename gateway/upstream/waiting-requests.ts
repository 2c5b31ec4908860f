// Requests of one route that wait until a server has room for them, in the order in which they came.
import type { Deadlined, Deadlines } from '../http/deadlines.ts';

export interface WaitingRequest {
  /** In ms of the clock. */
  readonly waitsUntil: number;
  /** There may be room. False where there is none: it goes on waiting. */
  tryAgain(): boolean;
  /** The time is over. */
  waitedInVain(): void;
}

/** A server, as far as it is waited for. */
interface Room {
  awaitRoom(requests: WaitingRequests): void;
  awaitRoomNoMore(requests: WaitingRequests): void;
}

interface Server {
  readonly endpoint: Room;
}

export class WaitingRequests implements Deadlined {
  deadline = Infinity;
  private readonly deadlines: Deadlines;
  private readonly waiting = new Set<WaitingRequest>();
  private readonly endpoints = new Set<Room>();

  constructor(deadlines: Deadlines) {
    this.deadlines = deadlines;
  }

  get size(): number {
    return this.waiting.size;
  }

  /** It waits until one of these servers has room. */
  add(request: WaitingRequest, servers: readonly Server[]): void {
    if (this.waiting.size === 0) this.deadlines.add(this);
    this.waiting.add(request);
    this.deadline = Math.min(this.deadline, request.waitsUntil);
    this.watch(servers);
  }

  /** The route has changed: those that wait are tried again, and wait for these servers from now on. */
  changed(servers: readonly Server[]): void {
    this.roomMade();
    if (this.waiting.size > 0) this.watch(servers);
  }

  remove(request: WaitingRequest): void {
    if (this.waiting.delete(request) && this.waiting.size === 0) this.rest();
  }

  /** A server may have room: lets in as many as there is room for. */
  roomMade(): void {
    for (const request of this.waiting) {
      if (!request.tryAgain()) return;
      this.waiting.delete(request);
    }
    this.rest();
  }

  onDeadline(now: number): void {
    for (const request of this.waiting) {
      if (request.waitsUntil > now) continue;
      this.waiting.delete(request);
      request.waitedInVain();
    }
    this.deadline = Infinity;
    for (const { waitsUntil } of this.waiting) this.deadline = Math.min(this.deadline, waitsUntil);
    if (this.waiting.size === 0) this.rest();
  }

  private watch(servers: readonly Server[]): void {
    for (const { endpoint } of servers) {
      this.endpoints.add(endpoint);
      endpoint.awaitRoom(this);
    }
  }

  private rest(): void {
    this.deadlines.remove(this);
    this.deadline = Infinity;
    for (const endpoint of this.endpoints) endpoint.awaitRoomNoMore(this);
    this.endpoints.clear();
  }
}
