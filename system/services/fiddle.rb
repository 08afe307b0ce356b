# SPDX-License-Identifier: GPL-2.0
# A Ruby block that libc calls, by Fiddle.
require 'fiddle'

qsort = Fiddle::Function.new(Fiddle::Handle::DEFAULT['qsort'],
                             [Fiddle::TYPE_VOIDP, Fiddle::TYPE_SIZE_T, Fiddle::TYPE_SIZE_T, Fiddle::TYPE_VOIDP],
                             Fiddle::TYPE_VOID)
compare = Class.new(Fiddle::Closure) do
  def call(a, b)
    a[0, 4].unpack1('l') - b[0, 4].unpack1('l')
  end
end.new(Fiddle::TYPE_INT, [Fiddle::TYPE_VOIDP, Fiddle::TYPE_VOIDP])

numbers = [42, 7, 23, 15, 4, 8].pack('l*')
qsort.call(numbers, 6, 4, compare)
raise numbers.unpack('l*').inspect unless numbers.unpack('l*') == [4, 7, 8, 15, 23, 42]

puts 'qsort has called Ruby'
