/* Judges one picture or video with the detector that comes with fsfm.
 * cc detect.c $(pkg-config --cflags --libs fsfm) && ./a.out photo.jpg */
#include <fsfm/fsfm.h>
#include <stdio.h>

int main(int argc, char** argv) {
  fsfm_error error;
  fsfm_model* model = NULL;
  fsfm_detector* detector = NULL;
  fsfm_result* result = NULL;
  fsfm_status status = FSFM_INVALID;
  if (argc != 2) {
    fprintf(stderr, "usage: %s PICTURE_OR_VIDEO\n", argv[0]);
    return 2;
  }
  if ((status = fsfm_model_open(NULL, 0, &model, &error)) == FSFM_OK &&
      (status = fsfm_detector_new(model, NULL, &detector, &error)) == FSFM_OK &&
      (status = fsfm_detect_file(detector, argv[1], &result, &error)) == FSFM_OK) {
    size_t i;
    printf("%s: %s\n", argv[1], fsfm_verdict_text(fsfm_result_verdict(result)));
    for (i = 0; i < fsfm_result_face_count(result); ++i) {
      fsfm_face face;
      if (fsfm_result_face(result, i, &face, NULL) != FSFM_OK) break;
      printf("  %-12s %.3f  %dx%d at %d,%d  %s\n", fsfm_verdict_text(face.verdict), face.score, (int)face.width,
             (int)face.height, (int)face.left, (int)face.top, face.why);
    }
  } else {
    fprintf(stderr, "%s: %s\n", fsfm_status_text(status), error.text);
  }
  fsfm_result_free(result);
  fsfm_detector_free(detector);
  fsfm_model_free(model);
  return status == FSFM_OK ? 0 : 2;
}
