//! Counts, in tests, how often the translator's loops go round. Whoever writes a body decides how
//! long each loop is, so all of them together must take time that is linear in the body's length.

#[cfg(test)]
use std::cell::Cell;

#[cfg(test)]
thread_local! {
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

/// A loop goes round that many times.
#[inline(always)]
pub(super) fn count(_rounds: usize) {
    #[cfg(test)]
    STEPS.set(STEPS.get() + _rounds as u64);
}

/// How many steps something takes.
#[cfg(test)]
fn of(run: impl FnOnce()) -> u64 {
    let before = STEPS.get();
    run();
    STEPS.get() - before
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::api::{Config, Engine};
    use crate::runtime::observe::{Accesses, Observe};
    use crate::translate::tests::{module_of, translate};

    /// What a function is made of, `n` times each: text before the function, its locals, and its
    /// body.
    type Shape = fn(n: usize) -> [String; 3];

    fn body(parts: &[(&str, usize)]) -> [String; 3] {
        let body: String = parts.iter().map(|&(part, n)| format!("{part} ").repeat(n)).collect();
        [String::new(), String::new(), body]
    }

    fn with_locals(locals: &str, parts: &[(&str, usize)]) -> [String; 3] {
        let [before, _, body] = body(parts);
        [before, locals.to_owned(), body]
    }

    const WIDE: usize = 400;

    /// A function with many parameters and results.
    fn wide_func() -> String {
        let types = "i32 ".repeat(WIDE);
        let consts = "i32.const 1 ".repeat(WIDE);
        format!("(func $wide (param {types}) (result {types}) {consts})")
    }

    fn wide_type() -> String {
        let types = "i32 ".repeat(WIDE);
        format!("(type $wide (func (param {types}) (result {types})))")
    }

    const SHAPES: [(&str, Shape); 39] = [
        ("calls in nested blocks", |n| body(&[("block", n), ("call 0", n), ("end", n)])),
        ("throws in nested blocks", |n| {
            body(&[("block", n), ("block throw 0 end", n), ("end", n)])
        }),
        ("throws of references in nested blocks", |n| {
            body(&[("block", n), ("block ref.null exn throw_ref end", n), ("end", n)])
        }),
        ("loops in nested blocks", |n| body(&[("block", n), ("loop end", n), ("end", n)])),
        ("nested loops", |n| body(&[("loop", n), ("end", n)])),
        ("nested loops that use locals", |n| {
            with_locals(
                "i32 i32",
                &[("loop local.get 0 local.set 1", n), ("local.get 1 drop end", n)],
            )
        }),
        ("loops one after the other in a loop", |n| {
            with_locals(
                "i32 i32",
                &[("loop", 1), ("loop local.get 0 local.set 1 end", n), ("end", 1)],
            )
        }),
        ("nested tries", |n| body(&[("try_table (catch_all 0)", n), ("end", n)])),
        ("tries in nested blocks", |n| {
            body(&[("block", n), ("try_table (catch_all 3) call 0 end", n), ("end", n)])
        }),
        ("a try with many clauses", |n| {
            body(&[("try_table", 1), ("(catch 0 0)", n), ("call 0", n), ("end", 1)])
        }),
        ("tries that catch far away", |n| {
            let [.., mut text] = body(&[("block", n)]);
            for _ in 0..n {
                text += &format!("try_table (catch_all {}) call 0 end ", n - 1);
            }
            [String::new(), String::new(), text + &"end ".repeat(n)]
        }),
        ("branches out of all blocks", |n| {
            let branch = format!("i32.const 1 br_if {}", n - 1);
            body(&[("block", n), (&branch, n), ("end", n)])
        }),
        ("branches out of each block", |n| body(&[("block i32.const 1 br_if 0", n), ("end", n)])),
        ("returns in nested blocks", |n| {
            body(&[("block", n), ("i32.const 1 if return end", n), ("end", n)])
        }),
        ("branches in nested ifs", |n| {
            body(&[("i32.const 1 if", n), ("i32.const 1 br_if 0 else nop end", n)])
        }),
        ("ifs one after the other", |n| body(&[("i32.const 1 if nop else nop end", n)])),
        ("a branch table with many labels", |n| {
            let [.., mut text] = body(&[("block", n), ("i32.const 1 br_table", 1)]);
            (0..n).for_each(|depth| text += &format!("{depth} "));
            [String::new(), String::new(), text + &"end ".repeat(n)]
        }),
        ("a branch table with one label many times", |n| {
            body(&[("block i32.const 1 br_table", 1), ("0", n), ("end", 1)])
        }),
        ("branch tables one after the other", |n| {
            body(&[("block", 9), ("block i32.const 1 br_table 0 3 5 7 end", n), ("end", 9)])
        }),
        ("nested blocks that cannot be reached", |n| {
            body(&[("unreachable", 1), ("block", n), ("br 0 end", n)])
        }),
        ("many locals", |n| with_locals(&"i32 ".repeat(n), &[("local.get 1 local.set 0", n)])),
        ("locals of changing types", |n| {
            let types = "i32 f64 v128 f32 ".repeat(n / 4);
            let last = format!("local.get {} drop", 4 * (n / 4) - 1);
            with_locals(&types, &[(&last, n), ("loop", 1), ("local.get 0 drop", n), ("end", 1)])
        }),
        ("a high stack of constants", |n| body(&[("i32.const 1", n), ("drop", n)])),
        ("a high stack of locals", |n| {
            with_locals("i32", &[("local.get 0", n), ("local.get 0 local.set 0", n), ("drop", n)])
        }),
        ("a high stack of results", |n| body(&[("call 1", n), ("drop", n)])),
        ("blocks above a high stack", |n| {
            body(&[("call 1", n), ("block i32.const 1 br_if 0 end", n), ("drop", n)])
        }),
        ("sums to store to", |n| {
            with_locals(
                "i32",
                &[
                    ("local.get 0 i32.const 4 i32.add", n),
                    ("local.get 0", 1),
                    ("i32.store", 1),
                    ("local.get 0 i32.store", n - 1),
                ],
            )
        }),
        ("loads one from the other", |n| {
            with_locals("i32", &[("local.get 0", 1), ("i32.load", n), ("drop", 1)])
        }),
        ("stores one after the other", |n| {
            with_locals("i32", &[("local.get 0 i32.const 4 i32.add local.get 0 i32.store", n)])
        }),
        ("operations on numbers", |n| body(&[("i32.const 1", n), ("i32.add", n - 1), ("drop", 1)])),
        ("choices", |n| {
            with_locals("i32", &[("local.get 0 local.get 0 local.get 0 select local.set 0", n)])
        }),
        ("vectors", |n| {
            with_locals("v128", &[("local.get 0", n), ("i32x4.add", n - 1), ("local.set 0", 1)])
        }),
        ("calls with many parameters and results", |n| {
            let [.., args] = body(&[("i32.const 1", WIDE)]);
            let [.., calls] = body(&[("call $wide", n / WIDE), ("drop", WIDE)]);
            [wide_func(), String::new(), args + &calls]
        }),
        ("blocks with many parameters and results", |n| {
            let block = "block (type $wide) i32.const 1 br_if 0 end";
            let [.., text] = body(&[("i32.const 1", WIDE), (block, n / WIDE), ("drop", WIDE)]);
            [wide_type(), String::new(), text]
        }),
        ("tail calls in nested blocks", |n| {
            body(&[("block", n), ("block return_call 0 end", n), ("end", n)])
        }),
        ("bulk operations in nested blocks", |n| {
            body(&[
                ("block", n),
                ("i32.const 0 i32.const 0 i32.const 0 memory.fill", n),
                ("end", n),
            ])
        }),
        ("objects in nested blocks", |n| {
            body(&[("block", n), ("i32.const 1 ref.i31 drop", n), ("end", n)])
        }),
        ("structures with many fields", |n| {
            let fields = "(field i32) (field v128) ".repeat(n / 2);
            let get = format!("struct.new_default $many struct.get $many {} drop", n - 2);
            let [.., text] = body(&[(&get, n)]);
            [format!("(type $many (struct {fields}))"), String::new(), text]
        }),
        ("branches on null in nested blocks", |n| {
            let branch = format!("ref.null any br_on_null {} drop", n - 1);
            body(&[("block", n), (&branch, n), ("end", n)])
        }),
    ];

    fn text([before, locals, body]: [String; 3]) -> String {
        format!(
            "(module (tag) (memory 1) {before}
                (func $f (local {locals}) {body})
                (func $nothing)
                (func $one (result i32) i32.const 1))"
        )
        .replace("call 0", "call $nothing")
        .replace("call 1", "call $one")
    }

    fn steps(engine: &Engine, shape: Shape, n: usize) -> u64 {
        let text = text(shape(n));
        let module = module_of(engine, text.as_bytes());
        let index = usize::from(text.contains("(func $wide"));
        of(|| translate(&module, index, |_| ()))
    }

    /// Four times the code takes at most six times the steps.
    #[test]
    fn translation_takes_linear_time() {
        let n = std::env::var("LINEAL_STEPS").map_or(1600, |n| n.parse().expect("a number"));
        let mut observed = Config::new();
        observed.observe(Observe::new().accesses(Accesses::All));
        let mut metered = Config::new();
        metered.consume_fuel(true).epoch_interruption(true);
        for config in [Config::new(), metered, observed] {
            let engine = Engine::new(&config).expect("an engine");
            for (name, shape) in SHAPES {
                let (few, many) = (steps(&engine, shape, n), steps(&engine, shape, 4 * n));
                assert!(few >= n as u64 / 2, "{name}: {few} steps cannot be all");
                assert!(many <= 6 * few, "{name}: {few} steps, and {many} for four times the code");
            }
        }
    }
}
