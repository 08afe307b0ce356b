// SPDX-License-Identifier: GPL-2.0
/* C++ that throws through C functions with nested functions. */
#include <cstdio>
#include <stdexcept>

extern "C" {
extern long trampolines, changes;

long sum_of(const int *numbers, int n, int (*check)(int number));
}

static int limit;

static int check(int number)
{
	if (number > limit)
		throw std::out_of_range("too large");
	return number;
}

int main()
{
	static const int numbers[] = { 1, 2, 3, 4, 5 };
	long sum = 0, thrown = 0;

	for (int i = 0; i < 2000; i++) {
		limit = i % 10;
		try {
			sum += sum_of(numbers, 5, check);
		} catch (const std::out_of_range &) {
			thrown++;
		}
	}
	std::printf("sum: %ld, thrown: %ld, by trampolines: %ld, different: %ld\n",
		    sum, thrown, trampolines, changes);
	return 0;
}
