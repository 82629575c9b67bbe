//! What the example prints.

#[path = "../examples/alone.rs"]
#[allow(dead_code, reason = "the test calls `run`, not `main`")]
mod alone;

#[test]
fn the_memory_alone() {
    let mut out = Vec::new();
    alone::run(&mut out).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "3 bytes: one\n\
         [44, 33, 22, 11]\n\
         68\n\
         [0, 1, 4, 9, 16]\n\
         out of bounds memory access: 4 bytes at address 0xfffd, but the memory has 65536 bytes\n\
         a memory of 3 pages cannot grow by 1 page: its maximum is 3 pages\n\
         ends with a NUL\n\
         7 units: 𝄞 clef\n"
    );
}
