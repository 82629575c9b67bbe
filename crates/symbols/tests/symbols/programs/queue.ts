// A ring of numbers that is written past its end.

class Ring {
  constructor(public start: usize, public size: i32) {}

  @inline
  slot(index: i32): usize {
    return this.start + (<usize>index << 2);
  }

  push(index: i32, value: i32): void {
    store<i32>(this.slot(index), value);
  }
}

let pushed: i32 = 0;

export function run(index: i32): i32 {
  const ring = new Ring(1024, 4);
  ring.push(index, 7);
  pushed += 1;
  return pushed;
}
