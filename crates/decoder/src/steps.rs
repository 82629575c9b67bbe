//! Counts, in tests, how often the decoder's own loops go round. Whoever writes a module decides how long
//! each of them is, so all together must take time that is linear in the module's length.

#[cfg(test)]
use std::cell::Cell;

#[cfg(test)]
thread_local! {
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

/// A loop goes round that many times.
#[inline(always)]
pub(crate) fn count(_rounds: usize) {
    #[cfg(test)]
    STEPS.set(STEPS.get() + _rounds as u64);
}

#[cfg(test)]
mod tests {
    use super::{STEPS, shapes::SHAPES};
    use crate::{Error, Features, Module, decoded_bytes, to_binary};

    /// How many steps something takes.
    fn of(run: impl FnOnce()) -> u64 {
        let before = STEPS.get();
        run();
        STEPS.get() - before
    }

    /// How many steps it takes to read a module, all that is looked for by a name or a place, and the place
    /// of an error.
    fn of_input(input: &[u8]) -> u64 {
        of(|| {
            let binary = to_binary(input).expect("a text or a binary");
            decoded_bytes(&binary, 8);
            match Module::new(input, &Features::default()) {
                Ok(module) => {
                    for name in ["e1", "e7", "b", "none"] {
                        module.export(name);
                        module.custom_section(name);
                    }
                    module.names().func(1);
                    module.func_at(binary.len() / 2);
                }
                Err(error) => drop(error.to_string()),
            }
        })
    }

    #[track_caller]
    fn assert_linear(name: &str, [few, many]: [&[u8]; 2]) {
        let [few_steps, many_steps] = [of_input(few), of_input(many)];
        // What a limit of the validator refuses is not read to its end.
        if few_steps > 0 {
            assert!(many_steps <= few_steps * 6, "{name}: {few_steps}, then {many_steps}");
        }
    }

    #[test]
    fn decoding_takes_a_linear_number_of_steps() {
        const N: usize = 2_000;
        let mut counted = 0;
        for (name, shape) in SHAPES {
            let [few, many] = [shape(N), shape(4 * N)];
            assert_linear(name, [few.as_bytes(), many.as_bytes()]);
            let [few, many] = [&few, &many].map(|text| to_binary(text.as_bytes()).expect("valid"));
            assert_linear(name, [&few, &many]);
            counted += usize::from(of_input(&many) >= 4 * N as u64);
        }
        // The others have fewer, because of limits.
        assert!(counted >= SHAPES.len() - 5, "{counted} of {}", SHAPES.len());
    }

    #[test]
    fn errors_take_a_linear_number_of_steps() {
        let texts: [fn(usize) -> String; 3] = [
            |n| format!("(module {} (func i32.add))", "(func) ".repeat(n)),
            |n| format!("(module (func {} i32.add))", "i32.const 1 drop ".repeat(n)),
            |n| format!("(module {} (func i32.const 1))", "(import \"a\" \"b\" (func)) ".repeat(n)),
        ];
        for text in texts {
            let [few, many] = [2_000, 8_000].map(text);
            let read = |text: &str| -> Result<Module, Error> {
                Module::new(text.as_bytes(), &Features::default())
            };
            let steps = [&few, &many].map(|text| {
                of(|| assert!(read(text).expect_err("invalid").to_string().contains("func")))
            });
            assert!(steps[0] >= 2_000 && steps[1] <= steps[0] * 6, "{steps:?}");
        }
    }
}

#[cfg(test)]
#[path = "../tests/linear/shapes.rs"]
mod shapes;
