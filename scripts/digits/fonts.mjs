/**
 * The font families that the digits are drawn from, by category and by side of the split. A family (and its
 * siblings: Roboto, Roboto Mono, Roboto Slab …) stands on one side only, so a test font is one that the network never saw in
 * any weight. All of them are under the Open Font License, the Apache License 2.0 or the Ubuntu Font Licence, or the
 * free licence of DejaVu; `README.md` of the model lists each with its licence.
 */
const families = (text) => text.trim().split(/\s+/);

export const TRAIN_FAMILIES = {
  serif: families(`
    merriweather lora playfair-display eb-garamond crimson-pro libre-baskerville cormorant-garamond pt-serif
    source-serif-4 noto-serif spectral alegreya cardo vollkorn old-standard-tt tinos gelasio domine
    libre-caslon-text dm-serif-display abril-fatface unna prata frank-ruhl-libre literata rufina volkhov`),
  sans: families(`
    roboto open-sans lato montserrat oswald raleway poppins nunito ubuntu inter work-sans quicksand karla rubik
    fira-sans barlow arimo cabin dosis exo-2 titillium-web josefin-sans anton bebas-neue comfortaa varela-round
    fjalla-one archivo-narrow overpass sora jost ibm-plex-sans league-gothic teko rajdhani dejavu-sans`),
  mono: families(`
    roboto-mono source-code-pro ibm-plex-mono jetbrains-mono space-mono courier-prime inconsolata vt323
    share-tech-mono fira-code dejavu-mono cutive-mono`),
  slab: families(`roboto-slab zilla-slab rokkitt alfa-slab-one arvo crete-round bitter`),
  display: families(`
    bangers lobster fredoka luckiest-guy special-elite orbitron audiowide black-ops-one bungee righteous chewy
    titan-one cinzel limelight rammetto-one sigmar-one staatliches russo-one passion-one baloo-2 carter-one
    boogaloo press-start-2p`),
  handwriting: families(`
    caveat caveat-brush kalam patrick-hand indie-flower shadows-into-light gloria-hallelujah architects-daughter
    covered-by-your-grace reenie-beanie rock-salt schoolbell annie-use-your-telescope cedarville-cursive
    homemade-apple handlee dancing-script satisfy cookie kaushan-script yellowtail great-vibes sacramento allura
    alex-brush parisienne marck-script bad-script amatic-sc permanent-marker pacifico damion nanum-pen-script
    nanum-brush-script neucha chilanka delicious-handrawn mansalva shantell-sans playpen-sans short-stack
    grand-hotel condiment courgette licorice corinthia ephesis whisper ms-madi oooh-baby gaegu poor-story itim
    over-the-rainbow waiting-for-the-sunrise just-another-hand nothing-you-could-do la-belle-aurore kristi
    crafty-girls walter-turncoat sedgwick-ave hi-melody give-you-glory mali merienda nerko-one niconne pangolin
    qwigley rouge-script ruthie sunshiney`),
};

export const TEST_FAMILIES = {
  serif: families(`
    bodoni-moda gentium-book-plus quattrocento sorts-mill-goudy neuton fraunces newsreader petrona stix-two-text
    caladea`),
  sans: families(`
    dm-sans manrope mukta hind asap oxygen signika public-sans urbanist outfit lexend red-hat-display kanit
    didact-gothic cantarell atkinson-hyperlegible`),
  mono: families(`anonymous-pro azeret-mono victor-mono nova-mono dm-mono`),
  slab: families(`aleo hepta-slab bree-serif sanchez patua-one graduate`),
  display: families(`
    concert-one paytone-one lilita-one yeseva-one berkshire-swash marcellus krona-one michroma bowlby-one-sc
    mouse-memoirs londrina-solid calistoga`),
  handwriting: families(`
    gochi-hand the-girl-next-door sue-ellen-francisco swanky-and-moo-moo delius mr-de-haviland rochester tangerine
    pinyon-script montecarlo herr-von-muellerhoff twinkle-star birthstone vibur comic-neue yomogi zeyada
    coming-soon loved-by-the-king sriracha norican dawning-of-a-new-day`),
};

export const CATEGORIES = ['serif', 'sans', 'mono', 'slab', 'display', 'handwriting'];
