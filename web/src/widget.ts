// A figure outside the guide: in a notebook (an anywidget front-end module), or in a file of its own (recorded).
import "./styles/main.css";
import "./styles/alone.css";
import { standAlone } from "./widget/recorded";
import { render } from "./widget/notebook";

export default { render };

const place = typeof document === "undefined" ? null : document.getElementById("unrolled-recorded");
if (place) standAlone(place, document.getElementById("unrolled-figure") as HTMLElement);
