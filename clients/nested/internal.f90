! SPDX-License-Identifier: GPL-2.0
! Internal procedures as arguments, which use variables of their hosts.
module recursion
  implicit none
  abstract interface
    integer function function_of_none()
    end function
  end interface
contains
  ! The sum of 1 to n, each added by an internal procedure of an outer frame.
  recursive integer function sum_to(n, outer) result(r)
    integer, intent(in) :: n
    procedure(function_of_none), optional :: outer
    r = 0
    if (n > 0) r = sum_to(n - 1, mine)
    if (present(outer)) r = r + outer()
  contains
    integer function mine()
      mine = n
    end function
  end function
end module

program internal
  use recursion
  implicit none
  abstract interface
    real function function_of_one(x)
      real, intent(in) :: x
    end function
  end interface
  integer :: power, i
  real :: total

  total = 0
  do i = 1, 200
    do power = 0, 3
      total = total + integral(term, 0.0, 2.0)
    end do
  end do
  print '(a, f8.1, a, i0)', 'integrals: ', total, ', sum: ', sum_to(50)

contains

  real function term(x)
    real, intent(in) :: x
    term = (power + 1) * x**power
  end function

  real function integral(f, from, to)
    procedure(function_of_one) :: f
    real, intent(in) :: from, to
    ! Simpson's rule, which is exact up to the third power
    integral = (to - from) / 6 * (f(from) + 4 * f((from + to) / 2) + f(to))
  end function
end program
