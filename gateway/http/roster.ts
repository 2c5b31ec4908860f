// What is open right now: members come and go all the time, and leave nothing behind.

/** A member's place in a roster; the member keeps it for `remove`. */
export interface Seat<Member> {
  readonly member: Member;
  /** For the roster alone. */
  place: number;
}

/**
 * An unordered set with O(1) for everything. Not a Set: that makes a new table every few additions, and its former tables, once in
 * the old generation, keep alive whatever was in them, and each other, until the next full collection. As Sets of requests
 * and connections did it, no request was garbage before that: a tenth of the CPU time.
 */
export class Roster<Member> {
  private readonly seats: Seat<Member>[] = [];

  get size(): number {
    return this.seats.length;
  }

  add(member: Member): Seat<Member> {
    const seat = { member, place: this.seats.length };
    this.seats.push(seat);
    return seat;
  }

  /** Takes a seat back; without effect where it was taken back before. */
  remove(seat: Seat<Member>): void {
    const { seats } = this;
    if (seats[seat.place] !== seat) return;
    const last = seats.pop() as Seat<Member>;
    if (last === seat) return;
    last.place = seat.place;
    seats[seat.place] = last;
  }

  clear(): void {
    this.seats.length = 0;
  }

  /** Members may come and go meanwhile: who stays is visited, who comes is not; nobody is visited after leaving. */
  *[Symbol.iterator](): Generator<Member> {
    for (let place = this.seats.length - 1; place >= 0; place--) {
      const seat = this.seats[place];
      if (seat !== undefined) yield seat.member;
    }
  }
}
