// Calls across the border, as often as the arguments say: `calls.js KIND COUNT`. Node runs it, too.
const bytes = new Uint8Array([0,97,115,109,1,0,0,0,1,12,2,96,2,127,127,1,127,96,1,127,1,127,2,7,1,1,109,1,102,0,0,3,3,2,0,1,5,3,1,0,1,7,23,3,6,109,101,109,111,114,121,2,0,3,97,100,100,0,1,4,101,97,99,104,0,2,10,36,2,7,0,32,0,32,1,106,11,26,1,1,127,3,64,32,1,32,0,16,0,33,1,32,0,65,1,107,34,0,13,0,11,32,1,11]);
const [kind, count] = (typeof process === "undefined" ? scriptArgs.slice(1) : process.argv.slice(2));
const plain = (a, b) => (a + b) | 0;
const { add, each, memory } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { m: { f: plain } }).exports;
const view = new DataView(memory.buffer);
const n = +count;
let sum = 0;
if (kind === "export") for (let i = 0; i < n; i++) sum = add(sum, i);
else if (kind === "import") sum = each(n);
else if (kind === "read") for (let i = 0; i < n; i++) sum = (sum + view.getInt32(i & 1020, true)) | 0;
else for (let i = 0; i < n; i++) sum = plain(sum, i);
