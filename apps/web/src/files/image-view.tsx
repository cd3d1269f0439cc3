import { useEffect, useState } from "react";
import type { ReactElement } from "react";

export function ImageView({ blob, label }: { blob: Blob; label: string }): ReactElement {
  const [url, setUrl] = useState<string | null>(null);
  const [broken, setBroken] = useState(false);
  useEffect(() => {
    const objectUrl = URL.createObjectURL(blob);
    setUrl(objectUrl);
    setBroken(false);
    return () => URL.revokeObjectURL(objectUrl);
  }, [blob]);
  if (broken)
    return <p className="viewer-message">This image cannot be drawn: it may be damaged.</p>;
  return (
    <div className="image-view">
      {url !== null && (
        <img src={url} alt={label} data-testid="viewer-image" onError={() => setBroken(true)} />
      )}
    </div>
  );
}
