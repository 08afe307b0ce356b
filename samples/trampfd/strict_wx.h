/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Strict W^X: what a system enforces on which nothing that was ever writable
 * can be executed.
 */
#ifndef STRICT_WX_H
#define STRICT_WX_H

/*
 * Put the calling process under strict W^X, and try the ways in which programs
 * make trampolines.  Ends the program if one of them works.
 */
void strict_wx(void);

/*
 * The two halves of it, of which the second shows what is denied.  Programs that
 * the process starts are under strict W^X as well.
 */
void strict_wx_enter(void);
void strict_wx_denied(void);

/*
 * Show the mapping at @address, and that no mapping of the process is writable
 * and executable.  Returns the exit status of a program that ends with this.
 */
int strict_wx_proof(const void *address);

#endif
