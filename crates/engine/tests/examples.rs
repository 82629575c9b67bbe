//! What the examples print.

/// Each example, as a module that `main` starts elsewhere, and its test.
macro_rules! examples {
    ($($test:ident: $name:ident = $path:literal, $expected:expr;)*) => {$(
        #[path = $path]
        #[allow(dead_code, reason = "the test calls `run`, not `main`")]
        mod $name;

        #[test]
        fn $test() {
            let mut out = Vec::new();
            $name::run(&mut out).unwrap();
            let expected: &str = $expected;
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    )*};
}

examples! {
    memory_prints_what_it_should: memory = "../examples/memory.rs", "\
Compiling module...
Instantiating module...
Querying memory size...
Memory size (pages): 1
Memory size (pages as bytes): 65536
Memory size (bytes): 65536
Memory size (pages): 1
Growing memory...
New memory size (pages): 3
Value at 0x2220: 267382782
Value at 0x1fff8: 1042953
";
    strings_prints_what_it_should: strings = "../examples/strings.rs", "\
Hello, Grace Hopper!
Ada, 37 years, 1.616 m
Alan, 41 years, 1.780 m
logged: [\"Hello, Grace Hopper!\"]
";
    two_instances_prints_what_it_should: two_instances = "../examples/two_instances.rs", "\
the owner counts 40
the owner counts 52
the host sees \"xxxxxxxxxxxx\"
";
    threads_prints_what_it_should: threads = "../examples/threads.rs", "\
the squares below 1000 add up to 332833500
the last of them is 998001
";
    assemblyscript_prints_what_it_should: assemblyscript = "../examples/assemblyscript.rs", "\
bytes.wasm
  grown from 1 to 2 pages
  the guest wrote [0, 3, 6, 9, 12, 15, 18, 21]
  the guest read 30, and 100 in all
  at 0x420 is \"grüße from AssemblyScript\"
bytes-base.wasm
  grown from 3 to 4 pages
  the guest wrote [0, 3, 6, 9, 12, 15, 18, 21]
  the guest read 30, and 100 in all
  at 0x10020 is \"grüße from AssemblyScript\"
bytes-shared.wasm
  16-bit integers: [0100, 0302, 0504, 0706]
  the sum of the bytes: 12
";
    thousand_guests_prints_what_it_should: thousand_guests = "../examples/thousand_guests.rs", "\
1000 guests asked 3000 questions; the answers add up to 3003000
together they waited 30s, the host less: true
";
}
