// The one script of every page: the parts of govuk-frontend (MIT) that Waymark uses, then our own.
import { Button, ErrorSummary, SkipLink, createAll } from "govuk-frontend";
import { startPasskeys } from "./passkeys.js";
import { startReveals } from "./reveal.js";
import { startWaymark } from "./waymark.js";

document.body.classList.add("js-enabled", "govuk-frontend-supported");
for (const part of [Button, ErrorSummary, SkipLink]) createAll(part);
startReveals(document);
startPasskeys(document);
startWaymark(document);
