;; Reverses a string in memory. The host finds the string, and what became of it, in the exported
;; memory.
;;
;;     cargo run --release -- inspect examples/reverse.wat
;;     cargo run --release -- dump examples/reverse.wat --invoke reverse --range 0..32 8 14
(module $reverse
  (memory (export "memory") 1)
  (data (i32.const 8) "linear memory!")

  ;; Reverses the bytes from an address on, and returns the address where they end.
  (func (export "reverse") (param $addr i32) (param $len i32) (result i32)
    (local $end i32) (local $last i32) (local $byte i32)
    (local.set $end (i32.add (local.get $addr) (local.get $len)))
    (local.set $last (i32.sub (local.get $end) (i32.const 1)))
    (block $done
      (loop $swap
        (br_if $done (i32.ge_s (local.get $addr) (local.get $last)))
        (local.set $byte (i32.load8_u (local.get $addr)))
        (i32.store8 (local.get $addr) (i32.load8_u (local.get $last)))
        (i32.store8 (local.get $last) (local.get $byte))
        (local.set $addr (i32.add (local.get $addr) (i32.const 1)))
        (local.set $last (i32.sub (local.get $last) (i32.const 1)))
        (br $swap)))
    (local.get $end)))
