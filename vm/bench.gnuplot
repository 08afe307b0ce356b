# SPDX-License-Identifier: GPL-2.0
# gnuplot -c bench.gnuplot <data of bench_chart.py> <output, without its ending> <arch> <what it
#	was measured with>
#
# Left: what one call costs, a dot for each way.  Right: what making one of n costs, a line for
# each way, and below it what a program pays that has one only, a dot for each way.  Dots and not
# bars: on a log axis, the length of a bar depends on where the axis begins.  A colour means the
# same everywhere.

set datafile separator "\t"
set style fill solid 1.0 noborder
set border linecolor rgb "#808080"
set tics textcolor rgb "#202020"
set logscale xy
unset key

stats ARG1 index 0 using 1 nooutput
lines = STATS_records
dearest = STATS_max
stats ARG1 index 2 using 1 nooutput
firsts = STATS_records

do for [ending in "svg png"] {
	if (ending eq "svg") {
		set terminal svg size 1500,900 enhanced font "DejaVu Sans,13" background rgb "white"
	} else {
		set terminal pngcairo size 1500,900 enhanced font "DejaVu Sans,10.5" background rgb "white"
	}
	set output ARG2.".".ending
	set multiplot title "What trampolines cost on ".ARG3.": instructions, not time\n" \
		."{/*0.75 Counted under QEMU -icount; the axes are logarithmic.  ".ARG4."}" font ",17"

	set title "One call" font ",14"
	set lmargin at screen 0.2
	set rmargin at screen 0.54
	set tmargin at screen 0.86
	set bmargin at screen 0.1
	unset logscale y
	set xrange [1:dearest * 4]
	set yrange [-0.7:lines - 0.3]
	set xtics scale 0.5 (1, 10, 100, "1,000" 1000, "10,000" 10000)
	set ytics scale 0
	set grid noytics xtics back linetype 1 linecolor rgb "#d0d0d0"
	set xlabel "instructions of one call"
	plot ARG1 index 0 using ($1 < 1 ? 1 : $1):0:2:ytic(4) \
		with points pointtype 7 pointsize 1.2 linecolor rgb variable, \
	     "" index 0 using ($1 < 1 ? 1 : $1):0:3 with labels left offset 1.2,0

	set title "Making one of n, ready to call"
	set lmargin at screen 0.61
	set rmargin at screen 0.82
	set tmargin at screen 0.86
	set bmargin at screen 0.4
	set logscale y
	set xlabel "n, made and set together"
	set ylabel "instructions for each"
	set xrange [1:65536]
	set yrange [50:100000]
	set xtics scale 0.5 (1, 64, "4,096" 4096, "65,536" 65536)
	set ytics scale 0.5 (100, "1,000" 1000, "10,000" 10000, "100,000" 100000)
	set grid xtics ytics back linetype 1 linecolor rgb "#d0d0d0"
	plot ARG1 index 1 using 2:3:4 with linespoints linewidth 2 pointtype 7 pointsize 0.8 linecolor rgb variable, \
	     "" index 1 using 2:5:6:4 with labels left offset 1.2,0 textcolor rgb variable

	set title "The only one, from nothing to its first call's return"
	set lmargin at screen 0.66
	set rmargin at screen 0.9
	set tmargin at screen 0.26
	set bmargin at screen 0.06
	unset logscale y
	unset ylabel
	set xlabel "instructions"
	set xrange [100:10000000]
	set yrange [-0.7:firsts - 0.3]
	set xtics scale 0.5 (100, "1,000" 1000, "10,000" 10000, "100,000" 100000, "1,000,000" 1000000)
	set ytics scale 0
	set grid noytics xtics back linetype 1 linecolor rgb "#d0d0d0"
	plot ARG1 index 2 using 1:0:2:ytic(4) with points pointtype 7 pointsize 1.2 linecolor rgb variable, \
	     "" index 2 using 1:0:3 with labels left offset 1.2,0
	unset multiplot
}
