/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A host's key and certificate. Nobody signs it: others pin it, so all it says is that it is
 * itself. The key never leaves its file.
 */
#include "migration/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dom0-tools/common/paths.h"
#include "migration/durable.h"

#define VALID_SECONDS	(20l * 365 * 86400)
#define EARLIER_SECONDS 86400 /* the other host's clock may be behind */

struct identity {
	EVP_PKEY *key;
	X509 *cert;
	char *pem;
	uint8_t fingerprint[FINGERPRINT_SIZE];
};

int certificate_fingerprint(X509 *cert, uint8_t fp[FINGERPRINT_SIZE])
{
	unsigned int len = FINGERPRINT_SIZE;

	return X509_digest(cert, EVP_sha256(), fp, &len) == 1 && len == FINGERPRINT_SIZE ? 0 :
											   -EPROTO;
}

char *certificate_pem(X509 *cert)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *data, *pem = NULL;
	long len;

	if (b && PEM_write_bio_X509(b, cert) == 1 && (len = BIO_get_mem_data(b, &data)) > 0)
		pem = strndup(data, len);
	BIO_free(b);
	return pem;
}

const uint8_t *identity_fingerprint(const struct identity *id)
{
	return id->fingerprint;
}

const char *identity_pem(const struct identity *id)
{
	return id->pem;
}

int identity_use(const struct identity *id, SSL_CTX *ctx)
{
	return SSL_CTX_use_certificate(ctx, id->cert) == 1 &&
			       SSL_CTX_use_PrivateKey(ctx, id->key) == 1 &&
			       SSL_CTX_check_private_key(ctx) == 1 ?
		       0 :
		       -EINVAL;
}

static void date_of(const ASN1_TIME *t, char out[32])
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) != 1 || !strftime(out, 32, "%Y-%m-%d", &tm))
		strcpy(out, "?");
}

int identity_check(const struct identity *id, const char *dir, struct why *why)
{
	const ASN1_TIME *from = X509_get0_notBefore(id->cert), *until = X509_get0_notAfter(id->cert);
	char first[32], last[32];
	int rc;

	if (X509_cmp_current_time(from) < 0 && X509_cmp_current_time(until) > 0)
		return 0;
	date_of(from, first);
	date_of(until, last);
	rc = why_set(why, TE_NO_RIGHTS,
		     "this host's own certificate holds from %s until %s, and by its clock not now",
		     first, last);
	return why_hint(
		why, rc,
		"if the clock is right, remove %s/key.pem and cert.pem to have new ones made, and pair all hosts anew",
		dir);
}

void identity_free(struct identity **idp)
{
	struct identity *id = *idp;

	*idp = NULL;
	if (!id)
		return;
	EVP_PKEY_free(id->key);
	X509_free(id->cert);
	free(id->pem);
	free(id);
}

static int sign(struct identity *id, long from, long until)
{
	unsigned char serial[16];
	X509_NAME *name;
	BIGNUM *n;
	int ok;

	id->cert = X509_new();
	if (!id->cert || RAND_bytes(serial, sizeof(serial)) != 1)
		return -ENOMEM;
	serial[0] &= 0x7f;
	n = BN_bin2bn(serial, sizeof(serial), NULL);
	name = X509_get_subject_name(id->cert);
	ok = n && X509_set_version(id->cert, X509_VERSION_3) == 1 &&
	     BN_to_ASN1_INTEGER(n, X509_get_serialNumber(id->cert)) &&
	     X509_gmtime_adj(X509_getm_notBefore(id->cert), from) &&
	     X509_gmtime_adj(X509_getm_notAfter(id->cert), until) &&
	     X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
					(const unsigned char *)"torc host", -1, -1, 0) == 1 &&
	     X509_set_issuer_name(id->cert, name) == 1 && X509_set_pubkey(id->cert, id->key) == 1 &&
	     X509_sign(id->cert, id->key, NULL) > 0; /* Ed25519 has its digest within */
	BN_free(n);
	return ok ? 0 : -EIO;
}

static int describe(struct identity *id)
{
	id->pem = certificate_pem(id->cert);
	return id->pem ? certificate_fingerprint(id->cert, id->fingerprint) : -ENOMEM;
}

int identity_make(struct identity **idp, long from, long until, struct why *why)
{
	struct identity *id = calloc(1, sizeof(*id));

	*idp = NULL;
	if (id)
		id->key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (!id || !id->key || sign(id, from, until) || describe(id)) {
		identity_free(&id);
		return why_set(why, TE_NO_MEMORY,
			       "cannot make a key and a certificate for this host");
	}
	*idp = id;
	return 0;
}

/* -EINVAL: damaged, or not a pair; else one of them cannot be read by us, and nothing is known. */
static int read_pem(struct identity *id, const char *key, const char *cert)
{
	FILE *k = fopen(key, "re"), *c = k ? fopen(cert, "re") : NULL;
	int rc = c || errno == ENOENT ? -EINVAL : -errno;

	if (c) {
		id->key = PEM_read_PrivateKey(k, NULL, NULL, NULL);
		id->cert = PEM_read_X509(c, NULL, NULL, NULL);
	}
	if (k)
		fclose(k);
	if (c)
		fclose(c);
	return id->key && id->cert && X509_check_private_key(id->cert, id->key) == 1 ? 0 : rc;
}

/* With the right mode from the first byte on. */
static int write_key(EVP_PKEY *key, const char *file)
{
	int rc = -EIO, fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f) {
		rc = -errno;
		if (fd >= 0)
			close(fd);
		return rc;
	}
	if (PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1 && !fflush(f) && !fsync(fd))
		rc = 0;
	if (fclose(f))
		rc = -EIO;
	return rc;
}

static int make_files(struct identity **id, const char *dir, const char *key, const char *cert,
		      struct why *why)
{
	int rc = identity_make(id, -EARLIER_SECONDS, VALID_SECONDS, why);

	if (rc)
		return rc;
	/* the certificate last: whoever finds one finds its key */
	unlink(key);
	rc = write_key((*id)->key, key);
	if (!rc)
		rc = durable_write(cert, (*id)->pem, strlen((*id)->pem), 0644);
	if (!rc)
		return 0;
	identity_free(id);
	return why_set(why, TE_FILE, "%s: cannot keep this host's key: %s", dir, strerror(-rc));
}

static bool is_missing(const char *file)
{
	return access(file, F_OK) && errno == ENOENT;
}

/* The daemon and torc host pair may both be the first: one makes them, and the other finds them.
 * *id NULL: they are there. */
static int make_once(struct identity **id, const char *dir, const char *key, const char *cert,
		     struct why *why)
{
	int lock, rc = path_make_dirs(dir);

	if (rc)
		return why_set(why, TE_FILE, "%s: %s", dir, strerror(-rc));
	lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock >= 0) /* where there are no locks it is as good as it gets */
		(void)flock(lock, LOCK_EX);
	if (is_missing(cert))
		rc = make_files(id, dir, key, cert, why);
	if (lock >= 0)
		close(lock);
	return rc;
}

int identity_load(struct identity **idp, const char *dir, struct why *why)
{
	char key[512], cert[512];
	struct identity *id;
	struct stat st;
	int rc;

	*idp = NULL;
	snprintf(key, sizeof(key), "%s/key.pem", dir);
	snprintf(cert, sizeof(cert), "%s/cert.pem", dir);
	if (is_missing(cert)) {
		rc = make_once(idp, dir, key, cert, why);
		if (rc || *idp)
			return rc;
	}
	if (!stat(key, &st) && st.st_mode & 077) {
		rc = why_set(why, TE_NO_RIGHTS, "%s may be read by others (mode %03o)", key,
			     st.st_mode & 0777);
		return why_hint(why, rc, "chmod 600 %s, and pair anew if somebody did", key);
	}
	id = calloc(1, sizeof(*id));
	rc = id ? read_pem(id, key, cert) : -ENOMEM;
	if (rc && rc != -EINVAL) {
		identity_free(&id);
		return why_set(why, rc == -EACCES ? TE_NO_RIGHTS : TE_FILE,
			       "%s: this host's key and certificate cannot be read: %s", dir,
			       strerror(-rc));
	}
	if (rc || describe(id)) {
		identity_free(&id);
		rc = why_set(why, TE_FILE,
			     "%s: the key and the certificate are damaged, or not a pair", dir);
		return why_hint(
			why, rc,
			"remove both to have new ones made; all hosts must then be paired anew");
	}
	*idp = id;
	return 0;
}
