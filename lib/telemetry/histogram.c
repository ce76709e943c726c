/** Reading a histogram: everything but recording. */
#include <assert.h>

#include "sl_histogram.h"

#define OCTAVE_CELLS (1U << SL_HISTOGRAM_OCTAVE_BITS)
#define LAST_CELL (SL_HISTOGRAM_CELLS - 1)

static uint64_t lower_of(unsigned cell)
{
    if (cell < OCTAVE_CELLS)
        return cell;
    const unsigned shift = cell / OCTAVE_CELLS - 1;
    return (uint64_t)(cell - shift * OCTAVE_CELLS) << shift;
}

static uint64_t upper_of(unsigned cell)
{
    return cell == LAST_CELL ? UINT64_MAX : lower_of(cell + 1);
}

/** What a value of this cell is taken for: no further than 1/128 from any of them. */
static uint64_t middle_of(const struct sl_histogram *h, unsigned cell)
{
    if (cell == LAST_CELL)
        return h->max_ns;
    uint64_t ns = lower_of(cell) + (upper_of(cell) - lower_of(cell) - 1) / 2;
    if (ns < ~h->min_inv_ns)
        ns = ~h->min_inv_ns;
    return ns < h->max_ns ? ns : h->max_ns;
}

static uint64_t add_sums(uint64_t a, uint64_t b)
{
    return a + b >= a ? a + b : UINT64_MAX;
}

void sl_histogram_snapshot(struct sl_histogram *out, const struct sl_histogram *from)
{
    /* Pairs with the release in sl_histogram_record. */
    for (unsigned i = 0; i < SL_HISTOGRAM_CELLS; i++)
        out->cells[i] = __atomic_load_n(&from->cells[i], __ATOMIC_ACQUIRE);
    out->sum_ns = sl_counter_read(&from->sum_ns);
    out->max_ns = sl_counter_read(&from->max_ns);
    out->min_inv_ns = sl_counter_read(&from->min_inv_ns);
}

void sl_histogram_merge(struct sl_histogram *into, const struct sl_histogram *add)
{
    for (unsigned i = 0; i < SL_HISTOGRAM_CELLS; i++)
        into->cells[i] += add->cells[i];
    into->sum_ns = add_sums(into->sum_ns, add->sum_ns);
    if (add->max_ns > into->max_ns)
        into->max_ns = add->max_ns;
    if (add->min_inv_ns > into->min_inv_ns)
        into->min_inv_ns = add->min_inv_ns;
}

/** Puts min and max to what the cells say. Both have been exact for more values than these. */
static void narrow(struct sl_histogram *h, bool is_min_new, bool is_max_new)
{
    unsigned first = 0, last = LAST_CELL;
    while (first < LAST_CELL && h->cells[first] == 0)
        first++;
    while (last > first && h->cells[last] == 0)
        last--;
    const uint64_t min_ns = middle_of(h, first), max_ns = middle_of(h, last);
    if (!is_min_new)
        h->min_inv_ns = ~min_ns;
    if (!is_max_new)
        h->max_ns = max_ns;
}

void sl_histogram_subtract(struct sl_histogram *from, const struct sl_histogram *earlier)
{
    for (unsigned i = 0; i < SL_HISTOGRAM_CELLS; i++) {
        assert(from->cells[i] >= earlier->cells[i]);
        from->cells[i] -= earlier->cells[i];
    }
    if (sl_histogram_count(from) == 0) {
        *from = (struct sl_histogram){.sum_ns = 0};
        return;
    }
    if (from->sum_ns != UINT64_MAX)
        from->sum_ns -= earlier->sum_ns;
    narrow(from, from->min_inv_ns > earlier->min_inv_ns, from->max_ns > earlier->max_ns);
}

uint64_t sl_histogram_count(const struct sl_histogram *h)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < SL_HISTOGRAM_CELLS; i++)
        count += h->cells[i];
    return count;
}

double sl_histogram_mean_ns(const struct sl_histogram *h)
{
    const uint64_t count = sl_histogram_count(h);
    return count > 0 ? (double)h->sum_ns / (double)count : 0;
}

uint64_t sl_histogram_min_ns(const struct sl_histogram *h)
{
    return sl_histogram_count(h) > 0 ? ~h->min_inv_ns : 0;
}

/** Which of `count` values in ascending order, from 1, a quantile is. */
static uint64_t rank_of(double q, uint64_t count)
{
    /* 0.07 * 100 is a little more than 7; that must not make it the eighth. */
    const double exact = q * (double)count * (1 - 0x1p-51);
    if (exact <= 1)
        return 1;
    if (exact > (double)count - 1)
        return count;
    const uint64_t whole = (uint64_t)exact;
    return whole + ((double)whole < exact);
}

uint64_t sl_histogram_quantile_ns(const struct sl_histogram *h, double q)
{
    assert(q >= 0 && q <= 1);
    const uint64_t count = sl_histogram_count(h);
    const uint64_t rank = rank_of(q, count);
    if (count == 0 || rank == count)
        return h->max_ns;
    if (rank == 1)
        return ~h->min_inv_ns;
    uint64_t passed = h->cells[0];
    unsigned cell = 0;
    while (passed < rank)
        passed += h->cells[++cell];
    return middle_of(h, cell);
}

bool sl_histogram_next_cell(const struct sl_histogram *h, unsigned *at,
                            struct sl_histogram_cell *cell)
{
    while (*at < SL_HISTOGRAM_CELLS && h->cells[*at] == 0)
        (*at)++;
    if (*at >= SL_HISTOGRAM_CELLS)
        return false;
    *cell = (struct sl_histogram_cell){lower_of(*at), upper_of(*at), h->cells[*at]};
    (*at)++;
    return true;
}
