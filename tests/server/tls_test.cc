// `fsfm serve` over TLS.
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <string>

#include "server/running_server.h"
#include "support/run_cli.h"

namespace fsfm {
namespace {

using test::RunningServer;

// A certificate for localhost that signs itself, in cert.pem, and its key in key.pem and, under a password, in
// locked.pem.
void write_certificate(const std::filesystem::path& dir) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  X509_EXTENSION* also =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, const_cast<char*>("DNS:localhost"));
  X509_add_ext(certificate.get(), also, -1);
  X509_EXTENSION_free(also);
  ASSERT_GT(X509_sign(certificate.get(), key.get(), EVP_sha256()), 0);
  const auto write = [](const std::filesystem::path& file, auto&& content) {
    FILE* out = std::fopen(file.c_str(), "w");
    ASSERT_NE(out, nullptr);
    content(out);
    std::fclose(out);
  };
  write(dir / "cert.pem", [&](FILE* out) { PEM_write_X509(out, certificate.get()); });
  write(dir / "key.pem",
        [&](FILE* out) { PEM_write_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  std::string password = "secret";
  write(dir / "locked.pem", [&](FILE* out) {
    PEM_write_PrivateKey(out, key.get(), EVP_aes_256_cbc(), reinterpret_cast<unsigned char*>(password.data()), 6,
                         nullptr, nullptr);
  });
}

TEST(ServeTls, AnswersWhoTrustsItsCertificateAndNobodyInTheClear) {
  const test::TempDir dir;
  ASSERT_NO_FATAL_FAILURE(write_certificate(dir.path()));
  const RunningServer server({"--tls-cert", (dir / "cert.pem").string(), "--tls-key", (dir / "key.pem").string()});

  httplib::SSLClient trusting("localhost", server.port());
  trusting.set_ca_cert_path((dir / "cert.pem").c_str());
  trusting.enable_server_certificate_verification(true);
  trusting.set_read_timeout(120);
  const auto verdict = trusting.Post("/v1/detect?name=a.jpg", test::painted_photo(), "application/octet-stream");
  ASSERT_TRUE(verdict) << httplib::to_string(verdict.error());
  EXPECT_EQ(verdict->status, 200) << verdict->body;

  httplib::SSLClient stranger("localhost", server.port());  // knows the system's authorities only
  stranger.enable_server_certificate_verification(true);
  EXPECT_FALSE(stranger.Get("/health"));

  httplib::Client clear("127.0.0.1", server.port());
  clear.set_read_timeout(5);
  EXPECT_FALSE(clear.Get("/health"));
  EXPECT_EQ(server.client().Get("/health")->status, 200);  // none of which harmed the server
}

TEST(ServeTls, RefusesAKeyThatIsNotItsCertificates) {
  const test::TempDir dir, other;
  ASSERT_NO_FATAL_FAILURE(write_certificate(dir.path()));
  ASSERT_NO_FATAL_FAILURE(write_certificate(other.path()));
  const auto start = [&](const std::string& certificate, const std::string& key) {
    return test::run_cli(
        {"serve", "--port", "0", "--state", (dir / "state").string(), "--tls-cert", certificate, "--tls-key", key});
  };
  const std::string certificate = (dir / "cert.pem").string(), key = (dir / "key.pem").string();
  for (const auto& result :
       {start(certificate, (other / "key.pem").string()), start(certificate, certificate),
        start((dir / "none.pem").string(), key), start(certificate, (dir / "locked.pem").string())}) {
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_NE(result.err.find(".pem"), std::string::npos) << result.err;
  }
  const auto half = test::run_cli({"serve", "--port", "0", "--tls-cert", certificate});
  EXPECT_EQ(half.exit_code, 2);
  EXPECT_NE(half.err.find("--tls-key"), std::string::npos) << half.err;
}

}  // namespace
}  // namespace fsfm
