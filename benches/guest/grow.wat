;; Growth from one page to 1 GiB. Each export takes the number of pages to add at a time, writes to
;; each new piece and returns the final size in pages. Wants a new instance for each call.
(module
  (memory 1 65536)

  (func (export "grow") (param $step i32) (result i64)
    (local $size i32)
    (loop $next
      (local.set $size (memory.grow (local.get $step)))
      (if (i32.eq (local.get $size) (i32.const -1)) (then (unreachable)))
      (i32.store (i32.shl (local.get $size) (i32.const 16)) (local.get $size))
      (br_if $next (i32.lt_u (memory.size) (i32.const 16384))))
    (i64.extend_i32_u (memory.size)))
)
