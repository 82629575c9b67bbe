// Shortest ways through a city of n streets, in AssemblyScript: classes, arrays, maps, strings and
// callbacks, with the collector that its compiler brings along. JavaScript understands the same
// source without the types.

class Random {
  state: i32 = 67;

  below(limit: i32): i32 {
    this.state = (this.state * 1103 + 12345) % 65536;
    return this.state % limit;
  }
}

class Street {
  constructor(public to: Place, public length: i32) {}
}

class Place {
  streets: Street[] = [];
  distance: i32 = -1;

  constructor(public name: string) {}
}

class Visit {
  constructor(public place: Place, public distance: i32) {}
}

// A heap of what to visit next, the nearest first.
class Queue {
  items: Visit[] = [];

  push(visit: Visit): void {
    const items = this.items;
    items.push(visit);
    let at = items.length - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (items[parent].distance <= visit.distance) break;
      items[at] = items[parent];
      at = parent;
    }
    items[at] = visit;
  }

  pop(): Visit {
    const items = this.items;
    const first = items[0];
    const last = items.pop();
    const length = items.length;
    if (length == 0) return first;
    let at = 0;
    while (true) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (child + 1 < length && items[child + 1].distance < items[child].distance) child++;
      if (items[child].distance >= last.distance) break;
      items[at] = items[child];
      at = child;
    }
    items[at] = last;
    return first;
  }
}

function nameOf(number: i32): string {
  const kinds: string[] = ["Lane", "Square", "Bridge", "Market"];
  return "No. " + number.toString() + " " + kinds[number & 3];
}

function shortest(places: Place[], from: Place): i32 {
  for (let i = 0; i < places.length; i++) places[i].distance = -1;
  const queue = new Queue();
  queue.push(new Visit(from, 0));
  let total = 0;
  while (queue.items.length > 0) {
    const visit = queue.pop();
    const place = visit.place;
    if (place.distance >= 0) continue;
    place.distance = visit.distance;
    total = (total + visit.distance) % 1000003;
    for (let i = 0; i < place.streets.length; i++) {
      const street = place.streets[i];
      if (street.to.distance < 0) queue.push(new Visit(street.to, visit.distance + street.length));
    }
  }
  return total;
}

function checksum(n: i32): i32 {
  const random = new Random();
  const places: Place[] = [];
  const byName = new Map<string, Place>();
  const count = n / 4 + 2 | 0;
  for (let i = 0; i < count; i++) {
    const place = new Place(nameOf(i));
    places.push(place);
    byName.set(place.name, place);
  }
  for (let i = 0; i < n; i++) {
    const from = byName.get(nameOf(random.below(count)));
    const to = byName.get(nameOf(random.below(count)));
    const length = 1 + random.below(100);
    from.streets.push(new Street(to, length));
    to.streets.push(new Street(from, length));
  }
  let sum = 0;
  for (let i = 0; i < 4; i++) sum = (sum * 31 + shortest(places, places[random.below(count)])) % 1000003;
  places.sort((a, b) => a.distance - b.distance || a.name.length - b.name.length);
  for (let i = 0; i < places.length; i++) {
    const name = places[i].name;
    sum = (sum * 31 + name.charCodeAt(name.length - 3) + places[i].distance) % 1000003;
  }
  return sum;
}

export function run(n: i32): i64 {
  return i64(checksum(n));
}
