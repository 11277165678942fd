using Sluice.Formats.Oci;
using Sluice.Node.Images;
using Sluice.Testing;

namespace Sluice.Node.Tests.Images;

public sealed class CommittedLayersTests
{
    [Fact]
    public void WhatWasCommittedIsRememberedAndDamageIsNot()
    {
        using TemporaryDirectory directory = new();
        Descriptor layer = new() { MediaType = MediaTypes.OciLayer, Digest = Digest.Sha256([1]), Size = 7, Annotations = new Dictionary<string, string> { ["a"] = "b" } };
        CommittedLayers layers = CommittedLayers.Load(directory.Path);
        Assert.Null(layers.Find("one"));
        layers.Remember("one", layer);
        layers.Save();
        Descriptor found = CommittedLayers.Load(directory.Path).Find("one")!;
        Assert.Equal((layer.MediaType, layer.Digest, layer.Size, "b"), (found.MediaType, found.Digest, found.Size, found.Annotations!["a"]));
        foreach (string damaged in new[] { "", "{", "[]", "null", """{"one":null}""", """{"one":{"digest":"sha256:x"}}""", """{"one":{"MediaType":"m","Digest":"no","Size":1,"Annotations":{}}}""" })
        {
            File.WriteAllText(directory.File("committed.json"), damaged);
            Assert.Null(CommittedLayers.Load(directory.Path).Find("one"));
        }
    }
}
