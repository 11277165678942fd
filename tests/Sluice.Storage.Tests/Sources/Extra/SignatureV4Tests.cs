using System.Globalization;
using Sluice.Storage.Sources.Extra;

namespace Sluice.Storage.Tests.Sources.Extra;

/// <summary>The worked examples that AWS publishes.</summary>
public sealed class SignatureV4Tests
{
    /// <summary>Source: S3 API reference, "Signature Calculations for the Authorization Header", example "GET Object".</summary>
    [Fact]
    public void The_example_of_a_ranged_read()
    {
        string authorization = SignatureV4.Authorization(
            "GET", "/test.txt", "",
            [
                new("host", "examplebucket.s3.amazonaws.com"),
                new("range", "bytes=0-9"),
                new("x-amz-content-sha256", SignatureV4.EmptyPayload),
                new("x-amz-date", "20130524T000000Z"),
            ],
            SignatureV4.EmptyPayload, At("20130524T000000Z"), "us-east-1", "s3", new S3Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", null));
        Assert.Equal(
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            authorization);
    }

    /// <summary>Source: AWS Signature Version 4 test suite, get-vanilla.</summary>
    [Fact]
    public void The_plainest_of_the_test_suite()
    {
        string authorization = SignatureV4.Authorization(
            "GET", "/", "", [new("host", "example.amazonaws.com"), new("x-amz-date", "20150830T123600Z")], SignatureV4.EmptyPayload, At("20150830T123600Z"), "us-east-1", "service",
            new S3Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", null));
        Assert.EndsWith("Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31", authorization, StringComparison.Ordinal);
    }

    private static DateTimeOffset At(string time) => DateTimeOffset.ParseExact(time, SignatureV4.TimeFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
}
