;; Threads of a script run at the same time, each in a store of its own, and share what a module
;; of another thread exports.

(module $Mem (memory (export "shared") 1 2 shared))

;; A message is passed: when the flag is up, the message is there.
(thread $sender (shared (module $Mem))
  (register "mem" $Mem)
  (module
    (memory (import "mem" "shared") 1 2 shared)
    (func (export "run")
      (i32.store (i32.const 0) (i32.const 42))
      (i32.atomic.store (i32.const 4) (i32.const 1))))
  (invoke "run"))
(thread $receiver (shared (module $Mem))
  (register "mem" $Mem)
  (module
    (memory (import "mem" "shared") 1 2 shared)
    (func (export "run") (result i32)
      (loop $again (br_if $again (i32.eqz (i32.atomic.load (i32.const 4)))))
      (i32.load (i32.const 0))))
  (assert_return (invoke "run") (i32.const 42)))
(wait $sender)
(wait $receiver)

;; One waits for the other. Which is first decides what the wait returns, and nothing else.
(thread $waiter (shared (module $Mem))
  (register "mem" $Mem)
  (module
    (memory (import "mem" "shared") 1 2 shared)
    (func (export "run") (result i32)
      (memory.atomic.wait64 (i32.const 8) (i64.const 0) (i64.const -1))))
  (assert_return (invoke "run") (either (i32.const 0) (i32.const 1))))
(thread $notifier (shared (module $Mem))
  (register "mem" $Mem)
  (module
    (memory (import "mem" "shared") 1 2 shared)
    (func (export "run") (result i32)
      (i64.atomic.store (i32.const 8) (i64.const 1))
      (memory.atomic.notify (i32.const 8) (i32.const -1))))
  (assert_return (invoke "run") (either (i32.const 0) (i32.const 1))))
(wait $waiter)
(wait $notifier)

;; Growth is seen elsewhere.
(thread $grower (shared (module $Mem))
  (register "mem" $Mem)
  (module
    (memory (import "mem" "shared") 1 2 shared)
    (func (export "grow") (result i32) (memory.grow (i32.const 1))))
  (assert_return (invoke "grow") (i32.const 1))
  (assert_return (invoke "grow") (i32.const -1)))
(wait $grower)
(register "mem" $Mem)
(module
  (memory (import "mem" "shared") 2 2 shared)
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "size") (result i32) (memory.size)))
(assert_return (invoke "size") (i32.const 2))
(assert_return (invoke "load" (i32.const 131068)) (i32.const 0))
(assert_trap (invoke "load" (i32.const 131069)) "out of bounds memory access")
