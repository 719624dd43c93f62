"""Which band is which: roles from names, wavelengths and tags, and matching two images by them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from changedet.errors import BandError
from changedet.model import SAR_ROLES, SPECTRAL_ROLES, ImageInfo

_SENTINEL2 = {
    "b01": "coastal", "b02": "blue", "b03": "green", "b04": "red", "b05": "rededge071",
    "b06": "rededge075", "b07": "rededge078", "b08": "nir", "b8a": "nir08", "b09": "nir09",
    "b10": "cirrus", "b11": "swir16", "b12": "swir22",
}  # fmt: skip
_LANDSAT_OLI = {
    1: "coastal", 2: "blue", 3: "green", 4: "red", 5: "nir08", 6: "swir16", 7: "swir22", 8: "pan",
    9: "cirrus", 10: "lwir",
}  # fmt: skip
_LANDSAT_TM = {
    1: "blue", 2: "green", 3: "red", 4: "nir08", 5: "swir16", 6: "lwir", 7: "swir22", 8: "pan",
}  # fmt: skip
_SYNONYMS = {
    "coastal blue": "coastal", "coastal aerosol": "coastal", "aerosol": "coastal",
    "green i": "green", "green ii": "green", "red edge": "rededge071", "rededge": "rededge071",
    "rededge1": "rededge071", "red edge 1": "rededge071", "rededge2": "rededge075",
    "red edge 2": "rededge075", "rededge3": "rededge078", "red edge 3": "rededge078",
    "near infrared": "nir", "nir1": "nir", "nir 1": "nir", "nir2": "nir09", "nir 2": "nir09",
    "nir narrow": "nir08", "narrow nir": "nir08", "water vapour": "nir09", "water vapor": "nir09",
    "swir1": "swir16", "swir 1": "swir16", "swir2": "swir22", "swir 2": "swir22",
    "panchromatic": "pan", "thermal": "lwir", "tir": "lwir", "lwir11": "lwir",
}  # fmt: skip
_WAVELENGTHS = (  # centre in micrometres, from and to, after the STAC common names
    (0.40, 0.455, "coastal"), (0.455, 0.52, "blue"), (0.52, 0.59, "green"),
    (0.59, 0.625, "yellow"), (0.625, 0.695, "red"), (0.695, 0.725, "rededge071"),
    (0.725, 0.76, "rededge075"), (0.76, 0.80, "rededge078"), (0.80, 0.85, "nir"),
    (0.85, 0.90, "nir08"), (0.92, 0.98, "nir09"), (1.34, 1.40, "cirrus"), (1.52, 1.72, "swir16"),
    (2.05, 2.35, "swir22"), (8.0, 13.0, "lwir"),
)  # fmt: skip
_COLOURS = {
    "red": "red", "green": "green", "blue": "blue", "pan": "pan", "coastal": "coastal",
    "nir": "nir", "rededge": "rededge071",
}  # fmt: skip
NAME_TAGS = ("COMMON_NAME", "EO:COMMON_NAME", "BAND_NAME", "BANDNAME", "NAME", "POLARISATION",
              "POLARIZATION")  # fmt: skip
_WAVELENGTH_TAGS = ("CENTRAL_WAVELENGTH_UM", "CENTER_WAVELENGTH", "EO:CENTER_WAVELENGTH")
_KNOWN = frozenset(SPECTRAL_ROLES) | frozenset(SAR_ROLES)
_KIN = {"nir": "nir08", "nir08": "nir"}


def is_known(role: str) -> bool:
    """Whether a role says what the band is (not ``band1``, ``band2`` ...)."""
    return role in _KNOWN


def role_of_name(name: str, platform: str | None = None) -> str | None:
    """Role that a band's name stands for, or None.

    Parameters
    ----------
    name : str
        Description or tag: ``red``, ``B02``, ``SR_B4``, ``Band 4``, ``Sigma0_VV_db``,
        ``B4, central wavelength 665 nm`` ...
    platform : str, optional
        Satellite; without it a plain number such as ``B4`` means nothing.
    """
    head = re.split(r"[,;(]", name.strip().lower())[0].strip()
    plain = re.sub(r"[\s_\-]+", " ", head)
    if plain in _KNOWN:
        return plain
    if plain.replace(" ", "") in _KNOWN:
        return plain.replace(" ", "")
    if plain in _SYNONYMS:
        return _SYNONYMS[plain]
    words = plain.split()
    for word in words:
        if word in SAR_ROLES:
            return word
    return _role_of_number(words, platform)


def _role_of_number(words: Sequence[str], platform: str | None) -> str | None:
    code = next((w for w in words if re.fullmatch(r"b\d{1,2}a?", w)), None)
    if code is None and len(words) == 2 and words[0] == "band" and words[1].isdigit():
        code = "b" + words[1]
    if code is None:
        return None
    satellite = re.sub(r"[\s_\-]", "", (platform or "").lower())
    if code == "b8a":
        return "nir08"
    padded = f"b{int(code[1:]):02d}"
    if "sentinel2" in satellite:
        return _SENTINEL2.get(padded)
    landsat = re.search(r"landsat0?(\d)", satellite)
    if landsat:
        table = _LANDSAT_OLI if int(landsat[1]) >= 8 else _LANDSAT_TM
        return table.get(int(code[1:]))
    if re.fullmatch(r"b0\d", code):  # Only Sentinel-2 writes its bands with a zero.
        return _SENTINEL2.get(code)
    return None


def role_of_wavelength(micrometres: float) -> str | None:
    """Role of a centre wavelength in micrometres (values above 100 are taken as nanometres)."""
    value = micrometres / 1000 if micrometres > 100 else micrometres
    for low, high, role in _WAVELENGTHS:
        if low <= value < high:
            return role
    return None


def assign_roles(
    descriptions: Sequence[str | None],
    colours: Sequence[str],
    tags: Sequence[Mapping[str, str]],
    platform: str | None = None,
) -> tuple[str, ...]:
    """Role of each band: from its name, its tags, its wavelength, then its colour.

    Parameters
    ----------
    descriptions : sequence of str or None
        One a band.
    colours : sequence of str
        Colour interpretation of each band, lower case.
    tags : sequence of mapping
        Tags of each band, keys in upper case.
    platform : str, optional
        Satellite, where known.

    Returns
    -------
    tuple of str
        A role that turns up a second time, or is not known, becomes ``band<n>``.
    """
    if platform is None and any((d or "").strip().lower().startswith("b8a") for d in descriptions):
        platform = "sentinel-2"
    roles: list[str] = []
    for i, (description, colour, tag) in enumerate(zip(descriptions, colours, tags, strict=True)):
        role = _role_of_band(description, colour, tag, platform)
        roles.append(role if role and role not in roles else f"band{i + 1}")
    return tuple(roles)


def _role_of_band(
    description: str | None, colour: str, tags: Mapping[str, str], platform: str | None
) -> str | None:
    names = [description, *(tags.get(key) for key in NAME_TAGS)]
    for name in names:
        role = role_of_name(name, platform) if name else None
        if role:
            return role
    for key in _WAVELENGTH_TAGS:
        try:
            role = role_of_wavelength(float(tags[key]))
        except (KeyError, ValueError):
            continue
        if role:
            return role
    return _COLOURS.get(colour)


def match_bands(
    before: ImageInfo, after: ImageInfo, bands: Sequence[str] | None = None
) -> tuple[tuple[str, ...], tuple[int, ...], tuple[int, ...]]:
    """Find the bands that both images have.

    By role where roles are known; in order where neither image has known roles and both have the
    same number of bands. ``nir`` and ``nir08`` stand in for each other. To an image that does not
    say which of its bands is which, as many wanted roles as it has bands give their names, in
    order.

    Parameters
    ----------
    before, after : ImageInfo
        The two images.
    bands : sequence of str, optional
        Roles, or 1-based numbers (counted without an alpha band), to use; all that match by
        default.

    Returns
    -------
    roles : tuple of str
        Of the common bands.
    before_bands, after_bands : tuple of int
        Their 0-based positions in ``before.roles`` and ``after.roles``.

    Raises
    ------
    BandError
        If nothing can be matched, or a wanted band is missing.
    """
    if bands is not None:
        if not bands:
            raise BandError("No bands were asked for: give at least one role or number, or None.")
        asked = [str(b).strip().lower() for b in bands]
        before, after = (_named(info, asked) for info in (before, after))
        found = [_wanted(band, before, after) for band in asked]
    else:
        found = _common(before, after)
    roles = [role for role, _, _ in found]
    if len(set(roles)) != len(roles):
        raise BandError(f"The bands {', '.join(map(str, bands or roles))} name one band twice.")
    return tuple(roles), tuple(b for _, b, _ in found), tuple(a for _, _, a in found)


def _named(info: ImageInfo, asked: Sequence[str]) -> ImageInfo:
    """The same image with the roles that were asked for, if it has as many bands and no roles."""
    roles = [role_of_name(band) for band in asked]
    if len(roles) != len(info.roles) or None in roles or any(map(is_known, info.roles)):
        return info
    return replace(info, roles=tuple(filter(None, roles)))


def _listing(info: ImageInfo) -> str:
    return f"{info.name} has {len(info.roles)} ({', '.join(info.roles)})"


def _how_to_name(info: ImageInfo) -> str:
    """Advice for an image that does not say which of its bands is which."""
    if any(map(is_known, info.roles)):
        return ""
    count = len(info.roles)
    return f" To name its bands, give as many roles as it has ({count}), in the order of the file."


def _position(role: str, roles: Sequence[str]) -> int | None:
    for candidate in (role, _KIN.get(role)):
        if candidate in roles:
            return list(roles).index(str(candidate))
    return None


def _common(before: ImageInfo, after: ImageInfo) -> list[tuple[str, int, int]]:
    if before.roles == after.roles:
        return [(role, i, i) for i, role in enumerate(before.roles)]
    known = [any(map(is_known, info.roles)) for info in (before, after)]
    if not any(known) and len(before.roles) == len(after.roles):
        return [(f"band{i + 1}", i, i) for i in range(len(before.roles))]
    pairs, taken = [], set()
    for i, role in enumerate(before.roles):
        j = _position(role, after.roles) if is_known(role) else None
        if j is not None and j not in taken:
            taken.add(j)
            pairs.append((role, i, j))
    if not pairs:
        raise BandError(
            f"The bands cannot be matched: before {_listing(before)}, after {_listing(after)}. "
            "Choose the bands that correspond with --bands (bands=), by role where both images "
            "name their bands, else by 1-based number, for example --bands 1,2,3; or give as many "
            "roles as an image has that does not name its bands, in their order."
        )
    return pairs


def _wanted(band: str, before: ImageInfo, after: ImageInfo) -> tuple[str, int, int]:
    positions: list[int] = []
    for info in (before, after):
        if band.isdigit():
            position = int(band) - 1 if 1 <= int(band) <= len(info.roles) else None
        else:
            position = _position(role_of_name(band) or band, info.roles)
        if position is None:
            raise BandError(
                f"Band {band!r} was asked for, but {_listing(info)}: choose among these roles, or "
                f"numbers 1 to {len(info.roles)}.{_how_to_name(info)}"
            )
        positions.append(position)
    i, j = positions
    roles = (before.roles[i], after.roles[j])
    if not band.isdigit():
        return role_of_name(band) or band, i, j
    named = {role for role in roles if is_known(role)}
    return (named.pop() if len(named) == 1 else f"band{band}"), i, j
