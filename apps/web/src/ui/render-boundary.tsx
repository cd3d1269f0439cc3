import { Component } from "react";
import type { ReactNode } from "react";

export interface RenderBoundaryProps {
  /** Shown where the children cannot be drawn. */
  fallback: ReactNode;
  children: ReactNode;
}

/** Keeps one part that cannot be drawn from taking the whole page with it. */
export class RenderBoundary extends Component<RenderBoundaryProps, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override render(): ReactNode {
    return this.state.failed ? this.props.fallback : this.props.children;
  }
}
