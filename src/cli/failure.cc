#include "cli/failure.h"

#include <filesystem>
#include <new>
#include <opencv2/core.hpp>
#include <system_error>

#include "base/error.h"
#include "base/text.h"

namespace fsfm::cli {
namespace {

constexpr const char* kNoMemory = "out of memory; use a smaller batch, model or input";

Failure fault(const std::string& what) {
  return {
      one_line("internal error: " + split(what, '\n').front() + "; please report it with the command that led to it"),
      kOurError};
}

}  // namespace

Failure describe_failure(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    return {one_line(error.what()), kUserError};
  } catch (const std::bad_alloc&) {
    return {kNoMemory, kUserError};
  } catch (const cv::Exception& error) {
    return error.code == cv::Error::StsNoMem ? Failure{kNoMemory, kUserError} : fault("OpenCV: " + error.err);
  } catch (const std::filesystem::filesystem_error& error) {
    return {one_line("cannot use " + error.path1().string() + ": " + error.code().message() +
                     "; check the path and its permissions"),
            kUserError};
  } catch (const std::system_error& error) {
    return {one_line("the system refused: " + error.code().message() + "; close other programs or use fewer --threads"),
            kUserError};
  } catch (const std::exception& error) {
    const std::string text = error.what();
    for (const char* refused : {"not enough memory", "out of memory", "can't allocate memory"})
      if (text.find(refused) != std::string::npos) return {kNoMemory, kUserError};
    return fault(text);
  } catch (...) {
    return fault("an exception of no known kind");
  }
}

}  // namespace fsfm::cli
