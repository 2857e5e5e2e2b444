/** The part of the Shape Detection API that reads codes. TypeScript does not know it yet. */
interface BarcodeReader {
  detect(source: HTMLVideoElement): Promise<readonly { readonly rawValue: string }[]>;
}
type BarcodeReaderClass = new (options: { readonly formats: readonly string[] }) => BarcodeReader;

/** Returns the platform's reader of codes, or undefined if it has none. */
function readerClass(): BarcodeReaderClass | undefined {
  const found = (globalThis as { readonly BarcodeDetector?: BarcodeReaderClass }).BarcodeDetector;
  const devices = (navigator as { readonly mediaDevices?: unknown }).mediaDevices;
  return devices === undefined ? undefined : found;
}

/** Returns true if this browser can read QR codes with a camera. */
export function canScan(): boolean {
  return readerClass() !== undefined;
}

/** Reads a QR code with the camera, shown in `video`. Resolves with its text, or undefined after `signal` aborts. */
export async function scan(video: HTMLVideoElement, signal: AbortSignal): Promise<string | undefined> {
  const Reader = readerClass();
  if (Reader === undefined) return undefined;
  const reader = new Reader({ formats: ['qr_code'] });
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
  try {
    video.srcObject = stream;
    await video.play();
    while (!signal.aborted) {
      const [code] = await reader.detect(video);
      if (code !== undefined) return code.rawValue;
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
    return undefined;
  } finally {
    video.srcObject = null;
    for (const track of stream.getTracks()) track.stop();
  }
}
