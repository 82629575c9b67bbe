// Lets a view of a module's memory and the module change the same bytes:
//
//     cargo run --release -- script --module examples/reverse.wat examples/scripts/reverse.js
const { memory, reverse } = instance;
const bytes = new Uint8Array(memory.buffer, 8, 14);
reverse(8, 14);
bytes[0] = "?".charCodeAt(0);
console.log(new TextDecoder().decode(bytes));
