// `fsfm serve` from outside: its answers.
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>

#include "media/codec.h"
#include "server/running_server.h"
#include "server/schema_check.h"
#include "support/face_painter.h"
#include "support/paths.h"
#include "support/run_cli.h"
#include "support/videos.h"

namespace fsfm {
namespace {

using nlohmann::json;
using test::comparable;
using test::kBinary;
using test::parsed;
using test::RunningServer;

// A PNG in base64.
Image picture_of(const std::string& text) {
  std::vector<std::byte> bytes(text.size() / 4 * 3);
  EXPECT_GT(::EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                              reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size())),
            0);
  return decode_picture(bytes, "answer.png").image;
}

TEST(Serve, GivesTheVerdictsOfFsfmDetect) {
  const RunningServer server;
  const test::TempDir dir;
  const std::string photo = test::painted_photo(2), video = test::video_bytes(dir);
  std::ofstream(dir / "photo.jpg", std::ios::binary) << photo;
  for (const auto& [name, bytes] : {std::pair{"photo.jpg", photo}, std::pair{"clip.mp4", video}}) {
    const json ours = parsed(server.client().Post("/v1/detect?name=" + std::string(name), bytes, kBinary));
    const auto theirs = json::parse(test::run_cli({"detect", (dir / name).string(), "--json", "--threads", "1"}).out);
    ASSERT_TRUE(ours.contains("results")) << ours;
    EXPECT_EQ(comparable(ours["results"][0]), comparable(theirs["results"][0]));
    EXPECT_EQ(ours["results"][0]["file"], name);
    EXPECT_EQ(ours["threshold"], theirs["threshold"]);
  }
}

TEST(Serve, ReasonsAreThoseOfFsfmDetectAndComeForTheFacesThatWereAskedFor) {
  const RunningServer server({"--picture-timeout", "600"});  // a busy machine is no fault here
  const test::TempDir dir;
  const std::string photo = test::painted_photo(2);
  std::ofstream(dir / "photo.jpg", std::ios::binary) << photo;
  const auto theirs =
      json::parse(test::run_cli({"detect", (dir / "photo.jpg").string(), "--json", "--explain", "--threads", "1"}).out);
  auto client = server.client();
  const json ours = parsed(client.Post("/v1/explain?name=photo.jpg&face=1", photo, kBinary));
  ASSERT_TRUE(ours.contains("results")) << ours;
  json wanted = comparable(theirs["results"][0]);
  ASSERT_EQ(wanted["faces"].size(), 2u);
  ASSERT_EQ(wanted["faces"][0].erase("explanation"), 1u);
  EXPECT_TRUE(wanted["faces"][1].contains("explanation"));
  EXPECT_EQ(comparable(ours["results"][0]), wanted);
  EXPECT_EQ(parsed(client.Get("/v1/history"))["rows"].size(), 1u);  // a verdict was given: it is on record
}

TEST(Serve, SeveralFilesAndOneOfThemBroken) {
  const RunningServer server;
  const std::string photo = test::painted_photo();
  const auto answer = server.client().Post(
      "/v1/detect", httplib::MultipartFormDataItems{{"file", photo, "a.jpg", "image/jpeg"},
                                                    {"file", photo.substr(0, photo.size() / 3), "b.jpg", "image/jpeg"},
                                                    {"file", photo, "../../c.jpg", "image/jpeg"}});
  const json document = parsed(answer);
  ASSERT_EQ(document["results"].size(), 3u) << document;
  EXPECT_EQ(document["results"][0]["faces"].size(), 1u);
  EXPECT_TRUE(document["results"][1].contains("error"));
  EXPECT_EQ(document["results"][2]["file"], "c.jpg");
  EXPECT_EQ(document["results"][0]["faces"], document["results"][2]["faces"]);
}

TEST(Serve, ProblemsAreNamedAndAnswersFitTheirSchemas) {
  const RunningServer server({"--max-picture-bytes", "300000", "--max-pixels", "200000"});
  auto client = server.client();
  const json api = parsed(client.Get("/openapi.json"));
  auto check = [&](const httplib::Result& answer, const std::string& path, const std::string& method, int status) {
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, status) << path << answer->body;
    const json& responses = api["paths"][path][method]["responses"];
    ASSERT_TRUE(responses.contains(std::to_string(answer->status))) << path << " is silent about " << answer->status;
    const json& content = responses[std::to_string(answer->status)]["content"];
    const std::string type = answer->get_header_value("Content-Type");
    ASSERT_TRUE(content.contains(type)) << type;
    EXPECT_EQ(test::misfit(json::parse(answer->body), content[type]["schema"], api), "") << path;
    EXPECT_FALSE(answer->get_header_value("X-Request-Id").empty());
  };
  const std::string photo = test::painted_photo();
  const auto large = encode_png(Image(600, 600, 9));
  const std::string too_many_pixels(reinterpret_cast<const char*>(large.data()), large.size());
  check(client.Post("/v1/detect", photo, kBinary), "/v1/detect", "post", 200);
  check(client.Post("/v1/detect", photo + std::string(400000, 'x'), kBinary), "/v1/detect", "post", 413);
  check(client.Post("/v1/detect", too_many_pixels, kBinary), "/v1/detect", "post", 413);
  check(client.Post("/v1/detect", "%PDF-1.4 ...", kBinary), "/v1/detect", "post", 415);
  check(client.Post("/v1/detect", photo.substr(0, 900), kBinary), "/v1/detect", "post", 422);
  check(client.Post("/v1/detect?frames=0", photo, kBinary), "/v1/detect", "post", 400);
  check(client.Post("/v1/embed", photo, kBinary), "/v1/embed", "post", 200);
  check(client.Post("/v1/masks?strategy=crfr-p&region=mouth&seed=4", photo, kBinary), "/v1/masks", "post", 200);
  check(client.Post("/v1/explain?face=0", photo, kBinary), "/v1/explain", "post", 200);
  check(client.Post("/v1/explain?face=7", photo, kBinary), "/v1/explain", "post", 422);
  check(client.Post("/v1/explain?face=x", photo, kBinary), "/v1/explain", "post", 400);
  check(client.Post("/v1/masks?strategy=none", photo, kBinary), "/v1/masks", "post", 400);
  check(client.Get("/health"), "/health", "get", 200);
  check(client.Get("/ready"), "/ready", "get", 200);
  check(client.Get("/v1/models"), "/v1/models", "get", 200);
  check(client.Get("/v1/history"), "/v1/history", "get", 200);
  check(client.Get("/v1/history/1"), "/v1/history/{id}", "get", 200);
  check(client.Get("/v1/history/999"), "/v1/history/{id}", "get", 404);
  check(client.Get("/v1/audit/verify"), "/v1/audit/verify", "get", 200);
  check(client.Get("/v1/jobs/abc"), "/v1/jobs/{id}", "get", 404);
  check(client.Post("/v1/models/reload", "", kBinary), "/v1/models/reload", "post", 200);
  const auto missing = client.Get("/nothing");
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->status, 404);
  EXPECT_EQ(missing->get_header_value("Content-Type"), "application/problem+json");
  EXPECT_NE(client.Get("/")->get_header_value("Content-Security-Policy").find("default-src 'none'"), std::string::npos);
}

TEST(Serve, ThePlaygroundPaintsWithAFoundationModel) {
  const test::TempDir dir;
  const auto convert =
      test::run_cli({"convert", test::golden("tiny-online.pth").string(), (dir / "foundation.safetensors").string(),
                     "--num-heads", "3", "--decoder-heads", "4"});
  ASSERT_EQ(convert.exit_code, 0) << convert.err;
  const RunningServer server({"--foundation", (dir / "foundation.safetensors").string()});
  const auto draw = [&](const char* ratio) {
    return parsed(server.client().Post("/v1/masks?strategy=random&seed=2&ratio=" + std::string(ratio),
                                       test::painted_photo(), kBinary));
  };
  const json half = draw("0.5"), all = draw("1");
  ASSERT_TRUE(half.contains("reconstruction")) << half;
  EXPECT_EQ(half["grid"], (json{4, 4}));  // of a network that reads 64 pixels in patches of 16
  const Image face = picture_of(half["face_png"]), painted = picture_of(half["reconstruction"]);
  ASSERT_EQ(painted.width, 64);
  for (int p = 0; p < 16; ++p) {
    int most = 0;
    for (int y = 0; y < 16; ++y)
      for (int i = 0; i < 48; ++i)
        most = std::max(
            most, std::abs(face.row(p / 4 * 16 + y)[p % 4 * 48 + i] - painted.row(p / 4 * 16 + y)[p % 4 * 48 + i]));
    if (half["masked"][static_cast<size_t>(p)] == 0) {
      EXPECT_LE(most, 1) << "the seen patch " << p << " was changed";
    } else {
      EXPECT_GT(most, 8) << "the hidden patch " << p << " was not painted";
    }
  }
  EXPECT_TRUE(all["reconstruction"].is_null());  // nothing is seen
  EXPECT_NE(half["reconstruction_note"], all["reconstruction_note"]);
}

TEST(Serve, TheFoundationModelThatComesWithTheProgramPaintsUnlessToldNot) {
  for (const bool told : {false, true}) {
    const RunningServer server(told ? std::vector<std::string>{"--foundation", "none"} : std::vector<std::string>{});
    const json mask = parsed(server.client().Post("/v1/masks?seed=1", test::painted_photo(), kBinary));
    ASSERT_TRUE(mask.contains("reconstruction")) << mask;
    EXPECT_EQ(mask["reconstruction"].is_null(), told);
  }
}

TEST(Serve, AFoundationModelMustHaveADecoder) {
  const test::TempDir dir;
  const auto model = test::source_dir() / "models" / "fsfm-detector.safetensors";
  const auto result =
      test::run_cli({"serve", "--port", "0", "--state", (dir / "state").string(), "--foundation", model.string()});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("decoder"), std::string::npos) << result.err;
}

TEST(Serve, MasksCoverTheRegionThatWasAskedFor) {
  const RunningServer server;
  const json mask =
      parsed(server.client().Post("/v1/masks?strategy=crfr-p&region=mouth&ratio=0.75", test::painted_photo(), kBinary));
  ASSERT_EQ(mask["covered"], "mouth") << mask;
  int hidden = 0;
  for (size_t p = 0; p < mask["masked"].size(); ++p) {
    hidden += mask["masked"][p].get<int>();
    EXPECT_LE(mask["region"][p], mask["masked"][p]);
  }
  EXPECT_EQ(hidden, 147);
}

TEST(Serve, ARequestIdIsEchoedAndLoggedAndNothingOfTheFileIs) {
  RunningServer server;
  const auto answer = server.client().Post("/v1/detect?name=secret-holiday.jpg", {{"X-Request-Id", "abc-1"}},
                                           test::painted_photo(), kBinary);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->get_header_value("X-Request-Id"), "abc-1");
  const auto forged = server.client().Get("/health", {{"X-Request-Id", std::string(65, 'a')}});
  EXPECT_NE(forged->get_header_value("X-Request-Id"), std::string(65, 'a'));
  server.stop();
  EXPECT_NE(server.log().find("abc-1 POST /v1/detect 200"), std::string::npos) << server.log();
  EXPECT_EQ(server.log().find("secret-holiday"), std::string::npos) << server.log();
}

TEST(Serve, AJobTellsItsProgressAndItsResult) {
  const test::TempDir dir;
  const RunningServer server;
  auto client = server.client();
  const auto submitted = client.Post("/v1/jobs?name=clip.mp4&frames=8", test::video_bytes(dir), kBinary);
  ASSERT_TRUE(submitted);
  ASSERT_EQ(submitted->status, 202) << submitted->body;
  const std::string path = submitted->get_header_value("Location");
  const auto events = client.Get(path + "/events");
  ASSERT_TRUE(events);
  EXPECT_NE(events->body.find("event: progress"), std::string::npos) << events->body;
  EXPECT_NE(events->body.find("event: end"), std::string::npos) << events->body;
  const json result = parsed(client.Get(path + "/result"));
  ASSERT_EQ(result["results"].size(), 1u) << result;
  EXPECT_EQ(result["results"][0]["frames_looked_at"], 8);
  EXPECT_NE(parsed(client.Get("/v1/history?search=clip.mp4"))["rows"].size(), 0u);
}

TEST(Serve, AnAuditTrailThatIsNotThereIsAnErrorAndIsNotMade) {
  const test::TempDir dir;
  for (const char* action : {"verify", "export"}) {
    const auto result = test::run_cli({"serve", "audit", action, "--state", (dir / "other").string()});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_NE(result.err.find("--state"), std::string::npos) << result.err;
  }
  EXPECT_FALSE(std::filesystem::exists(dir / "other"));
}

TEST(Serve, SettingsComeFromTheEnvironment) {
  const auto result = test::run_cli({"serve"}, {.env = {"FSFM_SERVE_PORT=70000"}});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("70000"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace fsfm
