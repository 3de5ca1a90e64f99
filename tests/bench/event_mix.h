/* event_mix.h: invented events in believable proportions, from a seed.
**
** 20 types from 35 % (rpc.call) down to 0.08 % (audit.export), 30 RPC methods, 10,000 URLs drawn
** by Zipf's law (the first is 10 % of all), NULLs where a type has no such field, about 200 bytes
** of JSON payload.
*/
#ifndef TARN_EVENT_MIX_H
#define TARN_EVENT_MIX_H

#include "event.h"

#define MIX_PAYLOAD 640

struct mix {
    uint64_t state;
    char url[96];
    char payload[MIX_PAYLOAD];
};

void mix_init(struct mix *m, uint64_t seed);
/* The next 64 bits of the sequence (splitmix64). */
uint64_t mix_random(struct mix *m);
/* Fills *ev for the time; its texts live in *m until the next call, or for ever. */
void mix_event(struct mix *m, struct tarn_event *ev, int64_t ts);

#endif
