(+ 1 2)
"a string"
(define answer 42)
(list answer 'symbol #\x 2.5)
(lambda (x) x)
(define (named) 1)
named
car
(table 'a 1 'b 2)
(let ((line (read-line))) line)
(this is not defined)
(print "not reached")
