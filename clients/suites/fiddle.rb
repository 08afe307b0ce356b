# SPDX-License-Identifier: GPL-2.0
# Ruby's own tests of Fiddle, and one of closures over a fork.
require "test/unit"
require "fiddle"
Dir[File.join(__dir__, "fiddle", "test_*.rb")].sort.each { |file| require file }

# What was made before a fork is called and freed in both processes.
class TestFork < Test::Unit::TestCase
  COUNT = 100

  def make(number)
    Class.new(Fiddle::Closure) { define_method(:call) { |n| n + number } }
         .new(Fiddle::TYPE_INT, [Fiddle::TYPE_INT])
  end

  def call(closure, n)
    Fiddle::Function.new(closure, [Fiddle::TYPE_INT], Fiddle::TYPE_INT).call(n)
  end

  def good?(closures)
    closures.each_with_index.all? { |closure, i| call(closure, 1000) == 1000 + i }
  end

  def test_both_free
    closures = (0...COUNT).map { |i| make(i) }
    3.times do
      pid = fork do
        right = good?(closures)
        closures.clear
        GC.start
        others = (0...COUNT).map { |i| make(i) }
        exit!(right && good?(others))
      end
      Process.wait(pid)
      assert($?.success?)
      assert(good?(closures))
    end
    closures.clear
    GC.start
  end
end
