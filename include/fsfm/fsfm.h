/* fsfm: is this face real? A picture or video in, an honest verdict per face out.
 *
 *   fsfm_error error;
 *   fsfm_model* model = NULL;
 *   fsfm_detector* detector = NULL;
 *   fsfm_result* result = NULL;
 *   if (fsfm_model_open(NULL, 0, &model, &error) == FSFM_OK &&
 *       fsfm_detector_new(model, NULL, &detector, &error) == FSFM_OK &&
 *       fsfm_detect_file(detector, "photo.jpg", &result, &error) == FSFM_OK)
 *     puts(fsfm_result_json(result));
 *   else
 *     fprintf(stderr, "%s\n", error.text);
 *   fsfm_result_free(result);
 *   fsfm_detector_free(detector);
 *   fsfm_model_free(model);
 *
 * Rules. The library prints nothing, keeps no global state, installs no signal handlers and never exits. Every function
 * that can fail returns a fsfm_status and, where `error` is not NULL, fills it; on failure the output is NULL. No C++
 * exception leaves it. Strings are UTF-8; those a handle returns live as long as the handle. Paths are bytes as the
 * system takes them.
 * Threads. A fsfm_model may be used from any number of threads at once. A fsfm_detector serves one call at a time: make
 * one a thread, they share the model (only fsfm_detector_stop may be called meanwhile). A fsfm_result never changes.
 * Compatibility. Within one FSFM_ABI_VERSION functions are only added, enumerators are only added, and the meaning of
 * none changes. */
#ifndef FSFM_FSFM_H
#define FSFM_FSFM_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define FSFM_API __attribute__((visibility("default")))
#else
#define FSFM_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define FSFM_ABI_VERSION 0

typedef enum fsfm_status {
  FSFM_OK = 0,
  FSFM_INVALID = 1,     /* arguments or files that do not fit together */
  FSFM_NOT_FOUND = 2,   /* no such file */
  FSFM_IO = 3,          /* the operating system refused: fsfm_error.os_error */
  FSFM_DAMAGED = 4,     /* content that is cut short or contradicts itself */
  FSFM_UNSUPPORTED = 5, /* sound, in a form that is not read */
  FSFM_TOO_LARGE = 6,   /* beyond a limit of size */
  FSFM_INTERRUPTED = 7, /* fsfm_detector_stop */
  FSFM_NO_MEMORY = 8,
  FSFM_INTERNAL = 9 /* a fault of fsfm: please report it */
} fsfm_status;

typedef enum fsfm_verdict { FSFM_REAL = 0, FSFM_ATTACK = 1, FSFM_INCONCLUSIVE = 2 } fsfm_verdict;

typedef struct fsfm_error {
  fsfm_status status;
  int os_error;    /* errno where the operating system refused, else 0 */
  char text[1024]; /* what happened and the way out, one line, cut where it is longer */
} fsfm_error;

/* Zero-initialise, then set what you want: every field's 0 is the default. */
typedef struct fsfm_options {
  size_t size;               /* sizeof(fsfm_options): lets later versions add fields */
  int threads;               /* of the network; 0 = all cores */
  int frames;                /* of a video, evenly spaced; 0 = 16 */
  double min_face;           /* smaller faces (pixels, shorter side) are inconclusive; 0 = 48 */
  int check_covered;         /* 1: covered faces are inconclusive (some 20 ms more a face) */
  int explain;               /* 1: say where in a face the score comes from (half a second more a face) */
  const char* precision;     /* "auto", "fp32", "bf16" or "int8"; NULL = "auto" */
  const char* face_detector; /* as `fsfm detect` takes it; NULL = the model's own */
} fsfm_options;

typedef struct fsfm_face {
  int32_t left, top, width, height; /* box in pixels of the picture (of its frame in a video) */
  double score;                     /* P(attack), 0 to 1 */
  fsfm_verdict verdict;
  const char* reason; /* "above_threshold", "blurred", ...: docs/verdict-json.md */
  const char* why;    /* one line for people */
  int32_t person;     /* of a video: 0, 1, ... in order of appearance; -1 in a picture */
  double seconds;     /* of a video: when; 0 in a picture */
} fsfm_face;

typedef struct fsfm_model fsfm_model;
typedef struct fsfm_detector fsfm_detector;
typedef struct fsfm_result fsfm_result;

FSFM_API const char* fsfm_version(void); /* "0.1.0" */
FSFM_API int fsfm_abi_version(void);     /* FSFM_ABI_VERSION of the library that runs */
FSFM_API const char* fsfm_status_text(fsfm_status status);
FSFM_API const char* fsfm_verdict_text(fsfm_verdict verdict); /* "real", "attack", "inconclusive" */

/* A detector's weights and card. `path` NULL: the detector that comes with fsfm. `fpr` > 0: the threshold at which that
 * share of real faces was called an attack on the data behind the card; 0: the card's threshold. */
FSFM_API fsfm_status fsfm_model_open(const char* path, double fpr, fsfm_model** model, fsfm_error* error);
/* The same of a .safetensors file in memory, which is copied. */
FSFM_API fsfm_status fsfm_model_from_memory(const void* bytes, size_t size, double fpr, fsfm_model** model,
                                            fsfm_error* error);
/* Name, classes, threshold, SHA-256: the header of docs/verdict-json.md. */
FSFM_API const char* fsfm_model_json(const fsfm_model* model);
FSFM_API void fsfm_model_free(fsfm_model* model);

/* Keeps the model alive by itself. `options` NULL: the defaults. */
FSFM_API fsfm_status fsfm_detector_new(const fsfm_model* model, const fsfm_options* options, fsfm_detector** detector,
                                       fsfm_error* error);
/* From any thread: what is being judged ends with FSFM_INTERRUPTED (a video soon, a picture when it is done), and so
 * does every later call. */
FSFM_API void fsfm_detector_stop(fsfm_detector* detector);
FSFM_API void fsfm_detector_free(fsfm_detector* detector);

/* A picture or a video, told apart by content. */
FSFM_API fsfm_status fsfm_detect_file(fsfm_detector* detector, const char* path, fsfm_result** result,
                                      fsfm_error* error);
/* An encoded picture (JPEG, PNG, WebP, HEIC, ...) or video in memory. `name` stands for it in JSON and messages; may be
 * NULL. The bytes are not kept. */
FSFM_API fsfm_status fsfm_detect_memory(fsfm_detector* detector, const void* bytes, size_t size, const char* name,
                                        fsfm_result** result, fsfm_error* error);
/* Decoded pixels: rows of 8-bit R, G, B, `stride` bytes apart (0 = 3 * width), upright, sRGB. */
FSFM_API fsfm_status fsfm_detect_pixels(fsfm_detector* detector, const uint8_t* rgb, int width, int height,
                                        size_t stride, const char* name, fsfm_result** result, fsfm_error* error);

/* The verdict on the whole: of a video its own, of a picture that of its worst face (attack before inconclusive before
 * real); inconclusive where there is no face. */
FSFM_API fsfm_verdict fsfm_result_verdict(const fsfm_result* result);
/* P(attack) behind it; -1 where no face was judged. */
FSFM_API double fsfm_result_score(const fsfm_result* result);
/* Faces of a picture, or of all frames looked at. */
FSFM_API size_t fsfm_result_face_count(const fsfm_result* result);
FSFM_API fsfm_status fsfm_result_face(const fsfm_result* result, size_t index, fsfm_face* face, fsfm_error* error);
/* Everything: an entry of docs/verdict-json.md. */
FSFM_API const char* fsfm_result_json(const fsfm_result* result);
FSFM_API void fsfm_result_free(fsfm_result* result);

#ifdef __cplusplus
}
#endif

#endif
