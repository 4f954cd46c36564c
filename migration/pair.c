/* SPDX-License-Identifier: BSD-2-Clause */
/* Two hosts agree on a code: commit, answer, reveal; then two people say whether it is the same. */
#include "migration/pair.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "migration/bytes.h"

enum { SAY_COMMIT = 1, SAY_NONCE, SAY_REVEAL, SAY_VERDICT };

struct part {
	const void *data;
	size_t len;
};

static int digest(const struct part *parts, int n, uint8_t out[32])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned int len = 32;
	int i, ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;

	for (i = 0; ok && i < n; i++)
		ok = EVP_DigestUpdate(ctx, parts[i].data, parts[i].len) == 1;
	ok = ok && EVP_DigestFinal_ex(ctx, out, &len) == 1;
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -ENOMEM;
}

static int commitment(const uint8_t *nonce, const uint8_t *fp, uint8_t out[32])
{
	const struct part parts[] = { { "torc pair commit 1", 18 },
				      { nonce, PAIR_NONCE_SIZE },
				      { fp, FINGERPRINT_SIZE } };

	return digest(parts, 3, out);
}

int pair_code(const uint8_t nonce_first[PAIR_NONCE_SIZE],
	      const uint8_t nonce_second[PAIR_NONCE_SIZE], const uint8_t fp_first[FINGERPRINT_SIZE],
	      const uint8_t fp_second[FINGERPRINT_SIZE], char code[PAIR_CODE_SIZE])
{
	const struct part parts[] = { { "torc pair code 1", 16 },
				      { nonce_first, PAIR_NONCE_SIZE },
				      { nonce_second, PAIR_NONCE_SIZE },
				      { fp_first, FINGERPRINT_SIZE },
				      { fp_second, FINGERPRINT_SIZE } };
	uint8_t out[32];
	unsigned int n;
	int rc = digest(parts, 5, out);

	if (rc)
		return rc;
	n = get_u64(out) % 1000000;
	snprintf(code, PAIR_CODE_SIZE, "%03u %03u", n / 1000 % 1000, n % 1000);
	return 0;
}

static int say(struct channel *c, uint8_t what, const uint8_t *body, size_t len,
	       uint64_t deadline_ns)
{
	uint8_t raw[1 + PAIR_NONCE_SIZE];

	raw[0] = what;
	memcpy(raw + 1, body, len);
	return channel_say(c, raw, 1 + len, deadline_ns);
}

static int hear(struct channel *c, uint8_t what, uint8_t *body, size_t len, uint64_t deadline_ns)
{
	uint8_t raw[1 + PAIR_NONCE_SIZE];
	size_t got;
	int rc = channel_hear(c, raw, sizeof(raw), &got, deadline_ns);

	if (rc)
		return rc;
	if (got != 1 + len || raw[0] != what)
		return -EBADMSG;
	memcpy(body, raw + 1, len);
	return 0;
}

/* mine and theirs: the numbers. -EKEYREJECTED: the other side changed its mind after it saw ours. */
static int exchange(struct channel *c, bool first, const uint8_t *own_fp, const uint8_t *peer_fp,
		    uint8_t *mine, uint8_t *theirs, uint64_t deadline_ns)
{
	uint8_t promise[32], check[32];
	int rc;

	if (RAND_bytes(mine, PAIR_NONCE_SIZE) != 1)
		return -ENOMEM;
	if (first) {
		rc = commitment(mine, own_fp, promise);
		rc = rc ? rc : say(c, SAY_COMMIT, promise, sizeof(promise), deadline_ns);
		rc = rc ? rc : hear(c, SAY_NONCE, theirs, PAIR_NONCE_SIZE, deadline_ns);
		return rc ? rc : say(c, SAY_REVEAL, mine, PAIR_NONCE_SIZE, deadline_ns);
	}
	rc = hear(c, SAY_COMMIT, promise, sizeof(promise), deadline_ns);
	rc = rc ? rc : say(c, SAY_NONCE, mine, PAIR_NONCE_SIZE, deadline_ns);
	rc = rc ? rc : hear(c, SAY_REVEAL, theirs, PAIR_NONCE_SIZE, deadline_ns);
	rc = rc ? rc : commitment(theirs, peer_fp, check);
	return rc ? rc : CRYPTO_memcmp(promise, check, sizeof(check)) ? -EKEYREJECTED : 0;
}

int pair_talk(struct channel *c, bool first, const uint8_t own[FINGERPRINT_SIZE],
	      const uint8_t peer[FINGERPRINT_SIZE], pair_same *same, void *arg,
	      uint64_t deadline_ns, struct why *why)
{
	uint8_t mine[PAIR_NONCE_SIZE], theirs[PAIR_NONCE_SIZE], yes, other = 0;
	char code[PAIR_CODE_SIZE];
	int rc = exchange(c, first, own, peer, mine, theirs, deadline_ns);

	if (!rc)
		rc = first ? pair_code(mine, theirs, own, peer, code) :
			     pair_code(theirs, mine, peer, own, code);
	if (rc == -EKEYREJECTED)
		return why_set(
			why, TE_NO_RIGHTS,
			"the other side does not keep to what it promised: somebody is in between");
	if (rc)
		return why_set(why, TE_CHANNEL, "pairing was cut short: %s", strerror(-rc));
	yes = same(arg, code);
	rc = say(c, SAY_VERDICT, &yes, 1, deadline_ns);
	if (!yes)
		return why_set(why, TE_NO_RIGHTS, "the codes are not the same: nothing was pinned");
	rc = rc ? rc : hear(c, SAY_VERDICT, &other, 1, deadline_ns);
	if (rc || other != 1) /* who says no goes away at once, and its word may be lost with it */
		return why_set(
			why, TE_NO_RIGHTS,
			"on the other host the codes were said to differ, or pairing was given up: "
			"nothing was pinned");
	(void)channel_settle(c, deadline_ns); /* that the other side has our yes, it acknowledges if
						 it can */
	return 0;
}
