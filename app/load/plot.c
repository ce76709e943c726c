/* The page of plots: four questions, for gnuplot. */
#include <math.h>
#include <stdio.h>

#include "outcome.h"

#define FONT "DejaVu Sans"
/* Okabe and Ito's colours, which those who see red and green alike can tell apart. */
static const char *const colours[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                      "#E69F00", "#56B4E9", "#8C8C8C", "#000000"};
#define STYLE_LEN 64
#define COLOURS (sizeof colours / sizeof colours[0])

struct page {
    const struct outcome *outcomes;
    unsigned count;
    FILE *out;
};

/** A text in gnuplot's quotes, in which it would run what stands in backquotes. */
static void write_quoted(FILE *out, const char *text)
{
    fputc('"', out);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            fputc('\\', out);
        if ((unsigned char)*c >= ' ')
            fputc(*c == '`' ? '\'' : *c, out);
    }
    fputc('"', out);
}

static void write_number(FILE *out, double value)
{
    if (isfinite(value))
        fprintf(out, " %.6g", value);
    else
        fputs(" NaN", out);
}

/** Data block $run0: at, sent, echoed, loss %, p50, p99, p99.9, handshakes, failed. */
static void write_points(const struct page *page, unsigned i)
{
    const struct outcome *outcome = &page->outcomes[i];
    fprintf(page->out, "$run%u << EOD\n", i);
    for (size_t k = 0; k < outcome->point_count; k++) {
        const struct outcome_point *p = &outcome->points[k];
        const double columns[] = {p->at_s,       p->sent,       p->echoed,
                                  100 * p->loss, p->p50_us,     p->p99_us,
                                  p->p999_us,    p->handshakes, p->handshakes_failed};
        for (unsigned c = 0; c < sizeof columns / sizeof columns[0]; c++)
            write_number(page->out, columns[c]);
        fputc('\n', page->out);
    }
    fputs("0 NaN NaN NaN NaN NaN NaN NaN NaN\nEOD\n", page->out);
}

/** Data block $curve0: 1 / (1 - share), microseconds; the last step, share 1, is drawn where one
 * answer more would have stood. */
static void write_curve(const struct page *page, unsigned i)
{
    const struct outcome *outcome = &page->outcomes[i];
    double above = 1;
    fprintf(page->out, "$curve%u << EOD\n", i);
    for (size_t k = 0; k < outcome->step_count; k++) {
        const struct outcome_step *step = &outcome->steps[k];
        if (step->share < 1)
            above = 1 / (1 - step->share);
        fprintf(page->out, "%.6g %.6g\n", step->share < 1 ? above : 2 * above, step->us);
    }
    fputs("NaN NaN\nEOD\n", page->out);
}

/** The title stands left above the panel, the key of a single run's curves right of it. */
static void begin_panel(const struct page *page, double x, double y, const char *title,
                        const char *y_label)
{
    fprintf(page->out,
            "reset\nset size 0.5,0.45\nset origin %g,%g\n"
            "set label \"%s\" at graph 0,1.07 left font '" FONT ",17'\n"
            "set ylabel \"%s\"\n"
            "set border 3 lc rgb '#555555'\nset tics nomirror out font '" FONT ",13'\n"
            "set grid ytics lc rgb '#DDDDDD' lt 1\n"
            "set key at graph 1,1.11 right top horizontal samplen 1.6 font '" FONT ",13'\n"
            "set lmargin 11\nset rmargin 5\nset tmargin 3\nset bmargin 4\n",
            x, y, title, y_label);
}

/** The grey of what was not measured: connecting, warming up, draining. */
static void shade(const struct page *page)
{
    const struct outcome *outcome = &page->outcomes[0];
    double first = 0, last = 0, end = 0;
    bool has_run = false;
    for (size_t i = 0; i < outcome->point_count; i++) {
        bool is_run = outcome->points[i].phase == 'r';
        if (is_run && !has_run)
            first = end;
        end = outcome->points[i].at_s;
        if (is_run)
            last = end;
        has_run |= is_run;
    }
    if (page->count > 1 || !has_run)
        return;
    const char *style = "fc rgb '#F2F2F2' fs solid noborder behind";
    if (first > 0)
        fprintf(page->out, "set object rect from 0,graph 0 to %g,graph 1 %s\n", first, style);
    if (last < end)
        fprintf(page->out, "set object rect from %g,graph 0 to %g,graph 1 %s\n", last, end, style);
    fprintf(page->out, "set xrange [0:%g]\n", end);
}

/** What a figure is divided by for the axis, and what its label then begins with. */
struct scale {
    double divisor;
    const char *word;
};

static struct scale scale_of(double highest)
{
    if (highest >= 5e6)
        return (struct scale){1e6, "million "};
    if (highest >= 5e3)
        return (struct scale){1e3, "thousand "};
    return (struct scale){1, ""};
}

static void begin_time_panel(const struct page *page, double x, double y, const char *title,
                             const char *y_label)
{
    begin_panel(page, x, y, title, y_label);
    fputs("set xlabel \"seconds\"\nset xrange [0:*]\n", page->out);
    shade(page);
}

/** One curve of one outcome: a column, over a divisor, and its name; NULL: none. */
static void draw(const struct page *page, bool *is_first, unsigned i, unsigned column,
                 double divisor, const char *name, const char *style)
{
    fputs(*is_first ? "plot " : ", ", page->out);
    *is_first = false;
    fprintf(page->out, "$run%u using 1:($%u/%g) with lines %s ", i, column, divisor, style);
    if (name == NULL)
        fputs("notitle", page->out);
    else
        fprintf(page->out, "title \"%s\"", name);
}

static const char *style_of(const char *width, const char *colour, char *out)
{
    snprintf(out, STYLE_LEN, "%s lc rgb '%s'", width, colour);
    return out;
}

static void end_plot(const struct page *page)
{
    fputc('\n', page->out);
}

static bool has_data(const struct page *page)
{
    bool any = false;
    for (unsigned i = 0; i < page->count; i++)
        any |= page->outcomes[i].has_data;
    return any;
}

static double highest_rate(const struct page *page, bool of_data)
{
    double highest = 0;
    for (unsigned i = 0; i < page->count; i++)
        for (size_t k = 0; k < page->outcomes[i].point_count; k++) {
            const struct outcome_point *point = &page->outcomes[i].points[k];
            double rate = of_data ? fmax(point->sent, point->echoed) : point->handshakes;
            highest = fmax(highest, rate);
        }
    return highest;
}

static void draw_rates(const struct page *page)
{
    bool is_first = true, of_data = has_data(page), is_one = page->count == 1;
    double highest = highest_rate(page, of_data);
    struct scale scale = scale_of(highest);
    char label[STYLE_LEN], style[STYLE_LEN];
    snprintf(label, sizeof label, "%sa second", scale.word);
    begin_time_panel(page, 0, 0.46, of_data ? "Messages sent and echoed" : "Handshakes completed",
                     label);
    fprintf(page->out, "set yrange [0:%g]\n", 1.1 * fmax(highest, 1) / scale.divisor);
    for (unsigned i = 0; i < page->count; i++) {
        const char *colour = colours[i % COLOURS];
        if (of_data)
            draw(page, &is_first, i, 2, scale.divisor, is_one ? "sent" : NULL,
                 style_of("lw 1.6 dt '-'", is_one ? "#555555" : colour, style));
        draw(page, &is_first, i, of_data ? 3 : 8, scale.divisor,
             is_one && of_data ? "echoed" : NULL, style_of("lw 2.4", colour, style));
    }
    end_plot(page);
}

/** Where the axis ends: above the highest, and never so low that next to nothing fills it. */
static double loss_axis(const struct page *page, bool of_data)
{
    double highest = of_data ? 0.8 : 4;
    for (unsigned i = 0; i < page->count; i++)
        for (size_t k = 0; k < page->outcomes[i].point_count; k++) {
            const struct outcome_point *point = &page->outcomes[i].points[k];
            double value = of_data ? 100 * point->loss : point->handshakes_failed;
            highest = value > highest ? value : highest;
        }
    return 1.25 * highest;
}

static void draw_loss(const struct page *page)
{
    bool is_first = true, of_data = has_data(page);
    char style[STYLE_LEN];
    begin_time_panel(page, 0, 0.01,
                     of_data ? "Lost or late, of the messages that ended then"
                             : "Handshakes that failed",
                     of_data ? "per cent" : "a second");
    fprintf(page->out, "set yrange [0:%g]\n", loss_axis(page, of_data));
    for (unsigned i = 0; i < page->count; i++)
        draw(page, &is_first, i, of_data ? 4 : 9, 1, NULL,
             style_of("lw 2.4", page->count > 1 ? colours[i % COLOURS] : "#D55E00", style));
    end_plot(page);
}

static void say_nothing(const struct page *page, const char *why)
{
    fprintf(page->out,
            "unset tics\nunset grid\nunset border\nunset ylabel\nunset xlabel\n"
            "unset object\nunset logscale\nset xrange [0:1]\nset yrange [0:1]\n"
            "set label \"%s\" at 0.5,0.5 center font '" FONT ",15' tc rgb '#666666'\n"
            "plot NaN notitle\n",
            why);
}

/** Whole decades around all that is drawn. */
struct decades {
    double low, high; /* microseconds; high 0: there is nothing */
};

static void widen(struct decades *decades, double us)
{
    if (!isfinite(us) || us <= 0)
        return;
    double low = pow(10, floor(log10(us))), high = pow(10, ceil(log10(us)));
    if (high <= low)
        high = 10 * low;
    decades->low = decades->high > 0 ? fmin(decades->low, low) : low;
    decades->high = fmax(decades->high, high);
}

static void write_latency_axis(const struct page *page, struct decades decades)
{
    static const char *const names[] = {"1 ns", "10 ns", "100 ns", "1 us", "10 us", "100 us",
                                        "1 ms", "10 ms", "100 ms", "1 s",  "10 s",  "100 s"};
    fprintf(page->out, "set logscale y\nset yrange [%g:%g]\nset mytics 10\nset ytics (",
            0.999 * decades.low, 1.001 * decades.high); /* so that both ends have their names */
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        fprintf(page->out, "%s'%s' 1e%d", i > 0 ? ", " : "", names[i], (int)i - 3);
    fputs(")\n", page->out);
}

static void draw_latency(const struct page *page)
{
    bool is_first = true;
    struct decades decades = {0, 0};
    char style[STYLE_LEN];
    for (unsigned i = 0; i < page->count; i++)
        for (size_t k = 0; k < page->outcomes[i].point_count; k++) {
            widen(&decades, page->outcomes[i].points[k].p50_us);
            widen(&decades, page->outcomes[i].points[k].p99_us);
            widen(&decades, page->count > 1 ? NAN : page->outcomes[i].points[k].p999_us);
        }
    begin_time_panel(page, 0.5, 0.46, "Latency", "since it should have left");
    if (decades.high <= 0) {
        say_nothing(page, has_data(page) ? "nothing was echoed" : "no messages were sent");
        return;
    }
    write_latency_axis(page, decades);
    for (unsigned i = 0; i < page->count && page->count > 1; i++) {
        draw(page, &is_first, i, 5, 1, NULL,
             style_of("lw 1.4 dt '-'", colours[i % COLOURS], style));
        draw(page, &is_first, i, 6, 1, NULL, style_of("lw 2.4", colours[i % COLOURS], style));
    }
    if (page->count == 1) {
        draw(page, &is_first, 0, 5, 1, "p50", "lw 2.4 lc rgb '#0072B2'");
        draw(page, &is_first, 0, 6, 1, "p99", "lw 2.2 lc rgb '#E69F00'");
        draw(page, &is_first, 0, 7, 1, "p99.9", "lw 1.8 lc rgb '#D55E00'");
    }
    end_plot(page);
}

static void draw_curves(const struct page *page)
{
    struct decades decades = {0, 0};
    for (unsigned i = 0; i < page->count; i++)
        for (size_t k = 0; k < page->outcomes[i].step_count; k++)
            widen(&decades, page->outcomes[i].steps[k].us);
    begin_panel(page, 0.5, 0.01,
                has_data(page) ? "Latency by percentile, of all messages measured"
                               : "Handshake time by percentile",
                "");
    if (decades.high <= 0) {
        say_nothing(page, "nothing was measured");
        return;
    }
    write_latency_axis(page, decades);
    fputs("set logscale x\nset xrange [1:*]\nset grid xtics\nset xlabel \"percentile\"\n"
          "set xtics ('0' 1, '50' 2, '90' 10, '99' 100, '99.9' 1000, '99.99' 1e4, '99.999' 1e5, "
          "'99.9999' 1e6)\n",
          page->out);
    for (unsigned i = 0; i < page->count; i++)
        fprintf(page->out, "%s $curve%u using 1:2 with steps lw 2.4 lc rgb '%s' notitle",
                i == 0 ? "plot" : ",", i, colours[i % COLOURS]);
    end_plot(page);
}

static void write_label(const struct page *page, const char *text, double y, int size,
                        const char *colour)
{
    fputs("set label ", page->out);
    write_quoted(page->out, text);
    fprintf(page->out, " at screen 0.5,%g center font '" FONT ",%d' tc rgb '%s'\n", y, size,
            colour);
}

/** One key for all panels: which colour is which run. */
static void write_runs_key(const struct page *page)
{
    fputs("set key at screen 0.5,0.925 center top horizontal samplen 2 font '" FONT ",14'\nplot "
          "[0:1] [0:1] ",
          page->out);
    for (unsigned i = 0; i < page->count; i++) {
        fprintf(page->out, "%sNaN with lines lw 3 lc rgb '%s' title ", i > 0 ? ", " : "",
                colours[i % COLOURS]);
        write_quoted(page->out, page->outcomes[i].name);
    }
    fputs("\nunset label\n", page->out);
}

static void write_heading(const struct page *page)
{
    const struct outcome *first = &page->outcomes[0];
    char about[OUTCOME_TEXT_LEN + 80];
    fputs("unset border\nunset tics\n", page->out);
    if (page->count > 1) {
        write_label(page, "Several runs side by side", 0.972, 22, "#000000");
        write_label(page, "solid: echoed, p99; dashed: sent, p50", 0.943, 13, "#444444");
        write_runs_key(page);
        return;
    }
    snprintf(about, sizeof about, "%s; grey: connecting, warming up, waiting for the last echoes",
             first->about);
    write_label(page, first->title, 0.967, 22, "#000000");
    write_label(page, about, 0.935, 13, "#444444");
    fputs("plot [0:1] [0:1] NaN notitle\nunset label\n", page->out);
}

void plot_write_script(const struct outcome *outcomes, unsigned count, const char *path, FILE *out)
{
    struct page page = {outcomes, count, out};
    size_t len = strlen(path);
    bool is_svg = len > 4 && strcmp(path + len - 4, ".svg") == 0;
    fprintf(out,
            "set encoding utf8\nset terminal %s noenhanced size 1600,1100 font '" FONT
            ",14' background rgb '#FFFFFF'\nset output ",
            is_svg ? "svg" : "pngcairo");
    write_quoted(out, path);
    fputs("\nset multiplot\n", out);
    for (unsigned i = 0; i < count; i++) {
        write_points(&page, i);
        write_curve(&page, i);
    }
    write_heading(&page);
    draw_rates(&page);
    draw_latency(&page);
    draw_loss(&page);
    draw_curves(&page);
    fputs("unset multiplot\n", out);
}
