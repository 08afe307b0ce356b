/* SPDX-License-Identifier: GPL-2.0 */
/* A nested function whose address is taken, in one frame and in others. */
#ifndef FRAMES_H
#define FRAMES_H

static __attribute__((noipa)) int call(int (*f)(void))
{
	return f();
}

static __attribute__((noipa)) int nested(int n)
{
	int value(void)
	{
		return n;
	}

	return call(value);
}

/* With its frame somewhere else than for the @n before. */
static __attribute__((noipa)) int moved(int n)
{
	volatile char room[16 + 16 * (n % 64)];

	room[0] = 0;
	return nested(n) + room[0];
}

#endif
