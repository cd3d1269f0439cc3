import { useEffect, useRef, useState } from "react";
import type { ReactElement } from "react";

export function ImageView({ blob, label }: { blob: Blob; label: string }): ReactElement {
  const image = useRef<HTMLImageElement>(null);
  const [broken, setBroken] = useState<Blob | null>(null);
  useEffect(() => {
    const url = URL.createObjectURL(blob);
    if (image.current) image.current.src = url;
    return () => URL.revokeObjectURL(url);
  }, [blob]);
  return (
    <div className="image-view">
      {broken === blob && <p>This image cannot be drawn: it may be damaged.</p>}
      <img
        ref={image}
        alt={label}
        hidden={broken === blob}
        data-testid="viewer-image"
        onError={() => setBroken(blob)}
      />
    </div>
  );
}
