;; SPDX-License-Identifier: GPL-2.0
;; A procedure that libc calls, by (system foreign).
(use-modules (system foreign) (rnrs bytevectors))

(define qsort
  (pointer->procedure void (dynamic-func "qsort" (dynamic-link)) (list '* size_t size_t '*)))
(define (number pointer)
  (bytevector-s32-native-ref (pointer->bytevector pointer 4) 0))
(define compare
  (procedure->pointer int (lambda (a b) (- (number a) (number b))) '(* *)))

(define numbers (s32vector 42 7 23 15 4 8))
(qsort (bytevector->pointer numbers) 6 4 compare)
(unless (equal? numbers (s32vector 4 7 8 15 23 42))
  (error "not sorted" numbers))
(display "qsort has called Scheme\n")
