// One picture from the camera. Nothing is recorded or sent before "Take picture".
import {h} from './dom.js';

export async function camera(onPicture) {
  const film = h('video', {autoplay: true, playsinline: true, muted: true, 'aria-label': 'Camera'});
  const note = h('p', {role: 'status'}, 'Waiting for the camera…');
  const take = h('button', {class: 'primary', disabled: true, type: 'button'}, 'Take picture');
  const dialog = h('dialog', {'aria-label': 'Camera', style: {maxWidth: '640px'}}, h('div', {class: 'stack'}, film, note, h('p', {class: 'row'}, take, h('button', {type: 'button', onclick: () => dialog.close()}, 'Cancel'))));
  let stream = null;
  dialog.addEventListener('close', () => { stream?.getTracks().forEach((track) => track.stop()); dialog.remove(); });
  take.addEventListener('click', () => {
    const canvas = h('canvas', {width: film.videoWidth, height: film.videoHeight});
    canvas.getContext('2d').drawImage(film, 0, 0);
    canvas.toBlob((blob) => { dialog.close(); onPicture(new File([blob], 'camera.jpg', {type: 'image/jpeg'})); }, 'image/jpeg', 0.95);
  });
  document.body.append(dialog);
  dialog.showModal();
  try {
    if (!navigator.mediaDevices) throw new Error('Browsers give pages the camera only over HTTPS or on localhost.');
    stream = await navigator.mediaDevices.getUserMedia({video: {width: {ideal: 1280}}});
    if (!dialog.open) { stream.getTracks().forEach((track) => track.stop()); return; }
    film.srcObject = stream;
    note.textContent = 'Look straight into the camera; your face should fill about a third of the picture.';
    take.disabled = false;
    take.focus();
  } catch (error) {
    film.remove();
    note.textContent = error.name === 'NotAllowedError' ? 'The browser refused the camera. Allow it for this page, or choose a file.' : error.name === 'NotFoundError' ? 'There is no camera. Choose a file instead.' : error.message;
  }
}
