import * as guest from "./index.js";

console.log(guest.add(40, 2), guest.answer.value, guest.greet("Ada é😀"));
console.log(guest.sum(Int32Array.of(1, 2, 3)), guest.squares(4), guest.mirror({ x: 1, y: 2 }));
const counter = guest.newCounter();
console.log(guest.next(counter), guest.next(counter), guest.memory instanceof WebAssembly.Memory);
try {
  guest.fail("on purpose");
} catch (error) {
  console.log(error.message);
}
