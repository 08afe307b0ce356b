;; SPDX-License-Identifier: GPL-2.0
;; Procedures of Scheme that C calls, by (system foreign).
(use-modules (system foreign) (rnrs bytevectors) (srfi srfi-1))

(define failed 0)

(define (check name right)
  (unless right (set! failed (1+ failed)))
  (format #t "~a: ~a~%" (if right "PASS" "FAIL") name)
  (force-output))

(define libc (dynamic-link "libc.so.6"))

(define qsort
  (pointer->procedure void (dynamic-func "qsort" libc) (list '* size_t size_t '*)))

(define (compare less)
  (procedure->pointer int32
    (lambda (a b)
      (let ((a (s32vector-ref (pointer->bytevector a 4 0 's32) 0))
            (b (s32vector-ref (pointer->bytevector b 4 0 's32) 0)))
        (cond ((less a b) -1) ((less b a) 1) (else 0))))
    (list '* '*)))

(define (sorted numbers less)
  (let ((vector (list->s32vector numbers)))
    (qsort (bytevector->pointer vector) (length numbers) 4 (compare less))
    (s32vector->list vector)))

(define numbers (map (lambda (i) (modulo (* i 7919) 1009)) (iota 200)))

(check "qsort, up" (equal? (sorted numbers <) (sort numbers <)))
(check "qsort, down" (equal? (sorted numbers >) (sort numbers >)))

(define (add n)
  (pointer->procedure double
    (procedure->pointer double (lambda (x y) (+ x y n)) (list double int32))
    (list double int32)))

(check "floating point" (= ((add 0.5) 1.25 3) 4.75))

(define many (map add (iota 300)))
(define (right?) (every (lambda (f n) (= (f 1.0 1) (+ 2.0 n))) many (iota 300)))
(check "many at once" (right?))

;; What was made before a fork is called in both processes, and others are made.
(let ((pid (primitive-fork)))
  (when (= pid 0)
    (primitive-_exit (if (and (right?) (= ((add 7) 1.0 1) 9.0)) 0 1)))
  (check "fork, in the child" (= (status:exit-val (cdr (waitpid pid))) 0)))
(check "fork, in the parent" (right?))

(set! many #f)
(gc)
(check "after a collection" (= ((add 1) 1.0 1) 3.0))
(exit (if (= failed 0) 0 1))
